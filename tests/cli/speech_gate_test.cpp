// The smoke gate of speech: a network learns eight commands of three tones in 60 steps, at full precision and at 2 and
// 3 bits, through the study that trains it.

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

TEST(SpeechGate, EightCommandsAreLearntInSixtySteps) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program({"ablate", "table6", "--scale=smoke", "--threads=1", "--quiet", "--json"}, {{}, folder.path(), 1000});
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json tables = nlohmann::json::parse(result.out);
  std::map<int, double> test;  // by bits
  for (const auto& row : tables.at(0).at("rows")) {
    const nlohmann::json& cell = row.at("cells").at("test");
    if (cell.contains("measured") && !cell.at("measured").is_null()) {
      test[std::stoi(row.at("labels").at("wbits").get<std::string>())] = cell.at("measured");
    }
  }
  ASSERT_EQ(test.size(), 3U) << result.out;
  for (const auto& [bits, accuracy] : test) EXPECT_GT(accuracy, 90) << bits << " bits: " << result.out;
}

}  // namespace
}  // namespace denseshift::testing
