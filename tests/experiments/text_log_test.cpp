// The CSV and JSONL logs.

#include "experiments/logs/text_log.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "tests/support/run_program.h"

namespace denseshift::experiments {
namespace {

using denseshift::testing::TemporaryFolder;
using ::testing::HasSubstr;

EpochRecord epoch(std::int64_t number, double loss = 0.5) {
  return {number, 1700000000.5, {{"train", {{"loss", loss}, {"lr", 0.1}}}, {"val", {{"loss", 0.25}, {"top1", 50}}}}};
}

const LogOwner kOurs = {7, "00ff"};
const LogOwner kOther = {7, "11ee"};  // the same number in another database

TEST(TextLog, CsvHasALineForEachEpochAndSplit) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log.csv");
  TextLog log(path, kOurs, 0);
  EXPECT_EQ(read_file(path), "run,uid,epoch,split,time\n");
  log.write(epoch(1));
  EXPECT_EQ(read_file(path),
            "run,uid,epoch,split,time,loss,lr,top1\n"
            "7,00ff,1,train,2023-11-14T22:13:20.500Z,0.5,0.1,\n"
            "7,00ff,1,val,2023-11-14T22:13:20.500Z,0.25,,50\n");
  log.write({2, 0, {{"train", {{"loss", std::nan("")}, {"lr", INFINITY}}}, {"weights", {{"change_rate", 1.0 / 3}}}}});
  EXPECT_EQ(read_file(path),
            "run,uid,epoch,split,time,loss,lr,top1,change_rate\n"
            "7,00ff,1,train,2023-11-14T22:13:20.500Z,0.5,0.1,,\n"
            "7,00ff,1,val,2023-11-14T22:13:20.500Z,0.25,,50,\n"
            "7,00ff,2,train,1970-01-01T00:00:00.000Z,,inf,,\n"
            "7,00ff,2,weights,1970-01-01T00:00:00.000Z,,,,0.3333333333333333\n");
}

TEST(TextLog, JsonlHasAnObjectForEachEpoch) {
  const TemporaryFolder folder;
  const std::string path = folder.file("log.jsonl");
  TextLog log(path, kOurs, 0);
  log.write(epoch(1, std::nan("")));
  EXPECT_EQ(read_file(path), R"({"run":7,"uid":"00ff","epoch":1,"time":"2023-11-14T22:13:20.500Z",)"
                             R"("train":{"loss":null,"lr":0.1},"val":{"loss":0.25,"top1":50.0}})"
                             "\n");
}

class ResumedLog : public ::testing::TestWithParam<const char*> {};

TEST_P(ResumedLog, HoldsWhatAnUndisturbedRunWrites) {
  const TemporaryFolder folder;
  const std::string whole = folder.file(std::string("whole") + GetParam());
  const std::string cut = folder.file(std::string("cut") + GetParam());
  for (const std::string& path : {whole, cut}) {
    TextLog before(path, kOther, 0);
    before.write(epoch(1));
    before.write(epoch(9));
  }
  {
    TextLog log(whole, kOurs, 0);
    for (int e = 1; e <= 4; ++e) log.write(epoch(e));
  }
  {
    TextLog log(cut, kOurs, 0);
    for (int e = 1; e <= 3; ++e) log.write(epoch(e, e == 3 ? 99 : 0.5));  // epoch 3 will be done again
  }
  {
    std::FILE* file = std::fopen(cut.c_str(), "ab");
    std::fputs("7,00ff,4,tra", file);  // the power failed
    std::fclose(file);
  }
  TextLog log(cut, kOurs, 2);
  for (int e = 3; e <= 4; ++e) log.write(epoch(e));
  EXPECT_EQ(read_file(cut), read_file(whole));
}

INSTANTIATE_TEST_SUITE_P(Formats, ResumedLog, ::testing::Values(".csv", ".jsonl"));

TEST(TextLog, LeavesForeignFilesAlone) {
  const TemporaryFolder folder;
  for (const char* name : {"mine.csv", "mine.jsonl"}) {
    const std::string path = folder.write(name, "dear diary\n");
    try {
      TextLog::check(path);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_status(), 2);
      EXPECT_THAT(error.what(), HasSubstr(path + " exists and is no log of denseshift"));
    }
    EXPECT_EQ(read_file(path), "dear diary\n");
  }
  EXPECT_THROW(TextLog::check(folder.file("missing/log.csv")), Error);
  TextLog::check(folder.write("empty.csv", ""));
  TextLog::check(folder.file("new.csv"));
}

}  // namespace
}  // namespace denseshift::experiments
