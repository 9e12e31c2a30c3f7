// eval --predictions through the real program; it needs no LibTorch.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using nlohmann::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr const char* kAnnotations = R"({
  "images": [{"id": 4, "width": 640, "height": 480, "file_name": "4.jpg"}],
  "categories": [{"id": 3, "name": "car"}, {"id": 18, "name": "dog"}],
  "annotations": [{"id": 1, "image_id": 4, "category_id": 3, "bbox": [10, 10, 50, 50], "area": 2500, "iscrowd": 0}]})";
constexpr const char* kPredictions = R"([
  {"image_id": 4, "category_id": 3, "bbox": [10, 10, 50, 40], "score": 0.9},
  {"image_id": 4, "category_id": 90, "bbox": [10, 10, 50, 40], "score": 0.9}])";

class EvalPredictions : public ::testing::Test {
 protected:
  [[nodiscard]] ProgramResult evaluate(const std::string& predictions,
                                       const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"eval", "--predictions", folder_.write("results.json", predictions),
                                          "--annotations", folder_.write("instances.json", kAnnotations)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.environment = {}, .directory = folder_.path(), .timeout_seconds = 60});
  }
  TemporaryFolder folder_;
};

TEST_F(EvalPredictions, PrintsTheNumbersAndTheCategories) {
  const ProgramResult result = evaluate(kPredictions);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 detections, 1 boxes in 1 images"));
  EXPECT_THAT(result.out, ContainsRegex("AP +0.50:0.95 +all +100 +70.00\n"));
  EXPECT_THAT(result.out, ContainsRegex("AP_large +0.50:0.95 +large +100 +-\n"));
  EXPECT_THAT(result.out, ContainsRegex("3 +car +70.00 +100.00 +70.00\n"));
  EXPECT_THAT(result.out, ContainsRegex("18 +dog +- +- +-\n"));
  EXPECT_THAT(result.err, HasSubstr("warning: 1 of the predictions"));
}

TEST_F(EvalPredictions, PrintsJson) {
  const ProgramResult result = evaluate(kPredictions, {"--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json document = json::parse(result.out);
  EXPECT_NEAR(document.at("numbers").at("mAP").get<double>(), 0.7, 1e-12);
  EXPECT_EQ(document.at("numbers").size(), 12u);
  EXPECT_EQ(document.at("numbers").at("AP_large"), -1);
  EXPECT_NEAR(document.at("categories").at(0).at("ap50").get<double>(), 1, 1e-12);
  EXPECT_EQ(document.at("categories").at(1).at("ap"), -1);
  EXPECT_EQ(document.at("left_out"), 1);
}

TEST_F(EvalPredictions, BadInputIsOneLineAndAHint) {
  const ProgramResult unknown = evaluate(R"([{"image_id": 5, "category_id": 3, "bbox": [1, 1, 2, 2], "score": 1}])");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, ContainsRegex("^denseshift: .*results.json: entry 1: [^\n]*picture 5\n  hint: [^\n]*\n$"));
  EXPECT_EQ(evaluate("[{").status, 2);
  EXPECT_THAT(evaluate("{}").err, HasSubstr("not a list of results"));
}

TEST_F(EvalPredictions, OptionsBelongTogether) {
  const ProgramResult alone = run_program({"eval", "--predictions", "x.json"});
  EXPECT_EQ(alone.status, 2);
  EXPECT_THAT(alone.err, HasSubstr("--annotations is missing"));
  EXPECT_THAT(run_program({"eval", "--annotations", "x.json"}).err, HasSubstr("--predictions is missing"));
  EXPECT_THAT(evaluate("[]", {"--run", "1"}).err, HasSubstr("do not go with it"));
}

}  // namespace
}  // namespace denseshift::testing
