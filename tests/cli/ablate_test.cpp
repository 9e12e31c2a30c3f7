// Studies through the real program: plan, training, resumption after kills, reports.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;

/// Three trainings of a second or two; one starts from another.
constexpr const char* kTiny = R"({"study": "tiny", "title": "Tiny", "paper_data": "nothing",
 "labels": [{"id": "method", "title": "Method"}],
 "columns": [{"id": "top1", "title": "Top-1"}, {"id": "loss", "unit": "", "decimals": 4,
              "metric": {"split": "val", "name": "loss"}}],
 "rows": [{"id": "fp32", "labels": {"method": "FP32"}, "set": {"method": "fp32", "wbits": 32}, "paper": {"top1": 70}},
          {"id": "w2", "labels": {"method": "DenseShift"}, "set": {"wbits": 2, "init": "lvr"}},
          {"id": "pot", "labels": {"method": "STE"}, "set": {"method": "ste-pot", "wbits": 4, "pretrained": "@fp32"}}],
 "scales": {"smoke": {"recipe": "shapes-smoke", "seeds": 1,
   "set": {"limit_train": 256, "limit_val": 64, "batch_size": 16, "epochs": 3}}}})";

class Ablate : public ::testing::Test {
 protected:
  Ablate() { folder_.write("studies/tiny.json", kTiny); }

  ProgramResult run(const std::vector<std::string>& words, const std::string& db = "runs.db") {
    return run_program(with(words, {"--studies=" + folder_.file("studies"), "--db=" + db}), {{}, folder_.path(), 240});
  }

  TemporaryFolder folder_;
};

TEST_F(Ablate, ADryRunPrintsEveryMissingCellAndTrainsNothing) {
  const ProgramResult plan = run({"ablate", "tiny", "--dry-run"});
  EXPECT_EQ(plan.status, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("tiny/smoke/pot/1: missing"));
  EXPECT_THAT(plan.out, HasSubstr("--method=ste-pot --wbits=4"));
  EXPECT_THAT(plan.out, HasSubstr("0 of 3 trainings are done"));
  EXPECT_NE(run_command({"/bin/ls", folder_.file("runs.db")}).status, 0);
}

TEST_F(Ablate, BadInputIsOneLine) {
  EXPECT_EQ(run({"ablate"}).status, 2);
  EXPECT_THAT(run({"ablate", "tinyy"}).err, HasSubstr("did you mean tiny?"));
  EXPECT_THAT(run({"ablate", "tiny", "--scale=smal"}).err, HasSubstr("no scale 'smal'"));
  EXPECT_THAT(run({"ablate", "tiny", "--on-failure=retry"}).err, HasSubstr("continue, stop or retry=N"));
  EXPECT_THAT(run({"ablate", "tiny", "--jobs=0"}).err, HasSubstr("--jobs: 0 is out of range"));
}

TEST_F(Ablate, TenKillsEndWithTheTableOfAnUndisturbedRun) {
  ASSERT_EQ(run({"ablate", "tiny", "--quiet", "--threads=1"}, "whole.db").status, 0);
  // The moments are random but the same in every test run.
  std::minstd_rand random(7);
  const std::string ablate = std::string("'" DENSESHIFT_PROGRAM "' ablate tiny --quiet --threads=1 --db=runs.db ") +
                             "--studies='" + folder_.file("studies") + "'";
  for (int i = 0; i < 10; ++i) {
    const double seconds = 0.2 + static_cast<double>(random() % 3000) / 1000;
    const std::string script =
        ablate + " >/dev/null 2>&1 & pid=$!; sleep " + std::to_string(seconds) + "; kill -KILL $pid; wait $pid";
    (void)run_command({"/bin/sh", "-c", script}, {{}, folder_.path(), 60});
  }
  // A worker whose parent was killed saves and ends; a repetition waits for it.
  const ProgramResult last = run({"ablate", "tiny", "--quiet", "--threads=1"});
  EXPECT_EQ(last.status, 0) << last.err;

  const auto values = [&](const std::string& db) {
    const nlohmann::json tables = nlohmann::json::parse(run({"report", "tiny", "--format=json"}, db).out);
    std::map<std::string, double> cells;
    for (const auto& row : tables.at(0).at("rows")) {
      for (const auto& [column, cell] : row.at("cells").items()) {
        cells[row.at("id").get<std::string>() + "/" + column] = cell.at("measured").get<double>();
      }
    }
    return cells;
  };
  EXPECT_EQ(values("whole.db").size(), 6U);
  EXPECT_EQ(values("runs.db"), values("whole.db"));
  const ProgramResult again = run({"ablate", "tiny", "--dry-run"});
  EXPECT_THAT(again.out, HasSubstr("3 of 3 trainings are done"));
}

TEST_F(Ablate, AFailingCellIsNamedAndTheOthersGoOn) {
  std::string text = kTiny;
  // A loss that is not finite ends a training as failed.
  text.replace(text.find("\"wbits\": 2, \"init\": \"lvr\""), 25, "\"wbits\": 2, \"init\": \"lvr\", \"lr\": 1e6");
  folder_.write("studies/tiny.json", text);
  const ProgramResult result = run({"ablate", "tiny", "--threads=1"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("tiny/smoke/w2/1: FAILED"));
  EXPECT_THAT(result.err, HasSubstr("2 done, 1 failed"));
}

}  // namespace
}  // namespace denseshift::testing
