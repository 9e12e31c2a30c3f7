// Sweep files and the trials they stand for.

#include "sweeps/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/support/run_program.h"

namespace denseshift::sweeps {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpaceTest : public ::testing::Test {
 protected:
  Sweep sweep(const std::string& text) { return read_sweep(folder_.write("s.json", text)); }
  std::vector<std::string> labels(const std::string& text) {
    std::vector<std::string> words;
    for (const Trial& trial : make_trials(sweep(text))) words.push_back(label(trial));
    return words;
  }
  /// "FILE:LINE: ..." and the hint.
  std::string refusal(const std::string& text) {
    try {
      const Sweep read = sweep(text);
      std::vector<std::size_t> all(make_trials(read).size());
      std::iota(all.begin(), all.end(), std::size_t{0});
      static_cast<void>(make_trainings(read, make_trials(read), all));
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_status(), 2);
      return std::string(error.what()) + " | " + error.hint();
    }
    return "accepted";
  }

  ::denseshift::testing::TemporaryFolder folder_;
};

TEST_F(SpaceTest, GridHasEveryCombinationTheLastKeyFastest) {
  EXPECT_THAT(labels(R"({"search": "grid", "space": {"wbits": [2, 3], "lr": [0.1, 0.01], "method": ["s3"]}})"),
              ElementsAre("wbits=2 lr=0.1 method=s3", "wbits=2 lr=0.01 method=s3", "wbits=3 lr=0.1 method=s3",
                          "wbits=3 lr=0.01 method=s3"));
}

TEST_F(SpaceTest, RangesOfAGridReachTheirEnds) {
  const auto values = [&](const std::string& range) {
    return Json(grid_values(sweep(R"({"search": "grid", "space": {)" + range + "}}").space[0])).dump();
  };
  EXPECT_EQ(values(R"("momentum": {"low": 0.1, "high": 0.3, "step": 0.1})"), "[0.1,0.2,0.3]");
  EXPECT_EQ(values(R"("lr": {"low": 0.001, "high": 0.1, "log": true, "step": 10})"), "[0.001,0.01,0.1]");
  EXPECT_EQ(values(R"("batch_size": {"low": 16, "high": 100, "step": 32})"), "[16,48,80]");
  EXPECT_EQ(values(R"("batch_size": {"low": 16, "high": 128, "log": true, "step": 2})"), "[16,32,64,128]");
  EXPECT_EQ(values(R"("epochs": {"low": 1, "high": 4, "log": true, "step": 1.2})"), "[1,2,3,4]")
      << "powers of 1.2 up to 3.58, rounded, each once";
}

TEST_F(SpaceTest, RandomTrialsDependOnSeedIndexAndKeyAlone) {
  const std::string lr = R"("lr": {"low": 1e-4, "high": 1, "log": true})";
  const auto text = [&](int trials, int seed, const std::string& space) {
    return R"({"search": "random", "trials": )" + std::to_string(trials) + R"(, "seed": )" + std::to_string(seed) +
           R"(, "space": {)" + space + "}}";
  };
  const auto ten = make_trials(sweep(text(10, 7, lr)));
  EXPECT_EQ(ten, make_trials(sweep(text(10, 7, lr))));
  EXPECT_NE(ten, make_trials(sweep(text(10, 8, lr))));
  const auto twenty = make_trials(sweep(text(20, 7, R"("wbits": [2, 3, 4], )" + lr)));
  ASSERT_EQ(twenty.size(), 20u);
  for (std::size_t i = 0; i < ten.size(); ++i) EXPECT_EQ(twenty[i].keys["lr"], ten[i].keys["lr"]);
  // From SplitMix64 written in Python; a change here would orphan everybody's recorded trials.
  EXPECT_EQ(label(ten[0]), "lr=0.00359002");
}

TEST_F(SpaceTest, RandomDrawsStayInTheirRangesAndFillThem) {
  const auto trials = make_trials(sweep(R"({"search": "random", "trials": 2000, "space": {
      "lr": {"low": 1e-4, "high": 1, "log": true},
      "momentum": {"low": 0.5, "high": 0.9},
      "weight_decay": {"low": 1e-5, "high": 1e-3, "log": true, "step": 10},
      "batch_size": {"low": 16, "high": 19},
      "warmup_epochs": {"low": 0, "high": 1, "step": 0.25},
      "method": ["s3", "denseshift"]}})"));
  std::map<std::string, std::map<std::string, int>> counts;
  int small = 0;
  for (const Trial& trial : trials) {
    const double lr = trial.keys["lr"];
    ASSERT_TRUE(lr >= 1e-4 && lr <= 1);
    small += lr < 1e-2 ? 1 : 0;
    ASSERT_TRUE(trial.keys["momentum"] >= 0.5 && trial.keys["momentum"] <= 0.9);
    for (const char* key : {"weight_decay", "batch_size", "warmup_epochs", "method"})
      ++counts[key][trial.keys[key].dump()];
  }
  EXPECT_NEAR(small, 1000, 100) << "half of a logarithmic range lies below its geometric middle";
  EXPECT_EQ(counts["weight_decay"].size(), 3u);
  EXPECT_EQ(counts["warmup_epochs"].size(), 5u);
  ASSERT_EQ(counts["batch_size"].size(), 4u);
  for (const auto& [value, count] : counts["batch_size"]) EXPECT_NEAR(count, 500, 100) << value;
  for (const auto& [value, count] : counts["method"]) EXPECT_NEAR(count, 1000, 120) << value;
}

TEST_F(SpaceTest, ASmallSpaceGivesNoRepeatedTrials) {
  EXPECT_EQ(labels(R"({"search": "random", "trials": 50, "space": {"wbits": [2, 3], "seed": [1, 2]}})").size(), 4u);
}

TEST_F(SpaceTest, TrainingsHaveBaseTrialEpochsAndSeeds) {
  const Sweep read = sweep(R"({"search": "list", "base": {"arch": "resnet20", "lr": 0.5},
    "list": [{"wbits": 2}, {"wbits": 3, "milestones": [1, 2]}], "seeds": [4, 9]})");
  EXPECT_THAT(read.searched_keys(), ElementsAre("wbits", "milestones"));
  const auto trainings = make_trainings(read, make_trials(read), {1}, 8);
  ASSERT_EQ(trainings.size(), 2u);
  EXPECT_EQ(trainings[1].config.seed, 9u);
  EXPECT_EQ(trainings[1].config.epochs, 8);
  EXPECT_EQ(trainings[1].config.lr, 0.5);
  EXPECT_EQ(trainings[1].config.milestones, (std::vector<double>{1, 2}));
  EXPECT_THAT(trainings[1].given, ElementsAre("arch", "lr", "wbits", "milestones", "epochs", "seed"));
  EXPECT_EQ(sweep(R"({"search": "grid", "space": {"lr": [1]}, "seeds": 3})").seeds,
            (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(SpaceTest, EveryKeyThatDecidesTheResultCanBeSearched) {
  const Json defaults = experiments::to_json(experiments::TrainConfig{});
  const experiments::TrainConfig config;
  experiments::visit_fields(
      config, [&](const std::string& key, const auto&, experiments::FieldGroup group, const char*) {
        const bool decides = group != experiments::FieldGroup::environment && group != experiments::FieldGroup::record;
        const Json file = {{"search", "list"}, {"list", {{{key, defaults[key]}}}}};
        EXPECT_EQ(refusal(file.dump()) == "accepted", decides) << key;
      });
}

TEST_F(SpaceTest, MistakesNameTheLine) {
  const auto expect = [&](const std::string& text, int line, const std::string& what) {
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("s.json:" + std::to_string(line) + ": "), HasSubstr(what))) << text;
  };
  expect("{\"search\": \"gird\"}", 1, "did you mean grid?");
  expect("{\"search\": \"grid\",\n\"spaec\": {}}", 2, "did you mean space?");
  expect("{\"search\": \"grid\",\n\"space\": {\n\"wbist\": [2]}}", 3, "did you mean wbits?");
  expect("{\"search\": \"grid\",\n\"space\": {\"wbits\": [2,\n\"3\"]}}", 3, "wbits: expected a whole number");
  expect("{\"search\": \"grid\", \"space\": {\"lr\":\n{\"low\": 1, \"hihg\": 2}}}", 2, "did you mean high?");
  expect("{\"search\": \"grid\", \"space\": {\n\"lr\": {\"low\": 1, \"high\": 2}}}", 2, "needs a step");
  expect("{\"search\": \"grid\", \"space\": {\n\"threads\": [1, 2]}}", 2, "could not be told apart");
  expect("{\"search\": \"grid\", \"space\": {\n\"lr\": [1, 1]}}", 2, "listed twice");
  expect("{\"search\": \"grid\", \"base\": {\"lr\": 1}, \"space\": {\n\"lr\": [1, 2]}}", 2, "is in base, too");
  expect("{\"search\": \"grid\", \"seeds\": 2, \"space\": {\n\"seed\": [1, 2]}}", 2, "leave one of them out");
  expect("{\"search\": \"grid\",\n\"base\": {\n\"epcohs\": 2}, \"space\": {\"lr\": [1]}}", 3, "did you mean epochs?");
  expect("{\"search\": \"random\", \"trials\": 3, \"space\": {\n\"arch\": {\"low\": 1, \"high\": 2}}}", 2,
         "takes numbers");
  expect("{\"search\": \"random\", \"trials\": 3, \"space\": {\n\"lr\": {\"low\": 0, \"high\": 2, \"log\": true}}}", 2,
         "above 0");
  expect("{\"search\": \"halving\", \"space\": {\"lr\": [1, 2]},\n\"halving\": {\"epochs\": [4,\n2]}}", 3, "longer");
  expect(
      "{\"search\": \"halving\", \"base\": {\n\"epochs\": 3}, \"space\": {\"lr\": [1]}, \"halving\": {\"epochs\": "
      "[1]}}",
      2, "halving sets them");
  expect("{\"search\": \"grid\", \"space\": {\"lr\": [1]},\n\"objective\": {\"vlaue\": \"last\"}}", 2,
         "did you mean value?");
  EXPECT_THAT(refusal(R"({"search": "grid", "space": {"lr": [-1]}})"),
              HasSubstr("trial lr=-1: lr: -1 is out of range"));
  EXPECT_THAT(refusal(R"({"search": "random", "space": {"lr": [1]}})"), HasSubstr("trials is missing"));
}

}  // namespace
}  // namespace denseshift::sweeps
