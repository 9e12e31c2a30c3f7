#include "core/data/audio/intents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Intents example() {
  return Intents::from_combinations({"action", "object", "location"}, {{"stop", "fan", "hall"},
                                                                       {"start", "fan", "none"},
                                                                       {"stop", "fan", "hall"},
                                                                       {"start", "fan", "hall"},
                                                                       {"start", "lamp", "none"}});
}

TEST(Intents, ClassesAreDistinctCombinationsInByteOrder) {
  const Intents intents = example();
  ASSERT_EQ(intents.size(), 4);
  EXPECT_THAT(intents.values,
              ElementsAre(ElementsAre("start", "stop"), ElementsAre("fan", "lamp"), ElementsAre("hall", "none")));
  EXPECT_EQ(intents.name(0), "start / fan / hall");
  EXPECT_EQ(intents.name(1), "start / fan / none");
  EXPECT_EQ(intents.name(2), "start / lamp / none");
  EXPECT_EQ(intents.name(3), "stop / fan / hall");
  for (std::int64_t i = 0; i < intents.size(); ++i) EXPECT_EQ(intents.find(intents.combination(i)), i);
  EXPECT_EQ(intents.find({"stop", "lamp", "hall"}), -1) << "each value is known, the combination is not";
  EXPECT_EQ(intents.find({"stop", "fan", "attic"}), -1);
  EXPECT_EQ(intents.find({"stop", "fan"}), -1);
}

TEST(Intents, JsonKeepsEverything) {
  const Intents intents = example();
  const auto json = nlohmann::ordered_json::parse(to_json(intents).dump());
  EXPECT_EQ(intents_from_json(json, "x"), intents);
}

TEST(Intents, WrongJsonIsNamed) {
  const auto error = [](const std::string& text) {
    return error_of([&] { (void)intents_from_json(nlohmann::ordered_json::parse(text), "model.json"); });
  };
  EXPECT_THAT(error("{}"), HasSubstr("model.json: no list of intents"));
  EXPECT_THAT(error("[1]"), HasSubstr("model.json: no list of intents"));
  EXPECT_THAT(error(R"({"slots": {"a": ["x"]}, "intents": [["y"]]})"), HasSubstr("no list of intents"));
  const char* const misfits[] = {R"({"slots": {"a": ["x"]}, "intents": [[1]]})",
                                 R"({"slots": {"a": ["x"]}, "intents": [[-1]]})",
                                 R"({"slots": {"a": ["x"]}, "intents": [[0, 0]]})",
                                 R"({"slots": {"a": ["x"], "b": ["y"]}, "intents": [[0]]})",
                                 R"({"slots": {"a": ["y", "x"]}, "intents": [[0], [1]]})",
                                 R"({"slots": {"a": ["x"]}, "intents": []})"};
  for (const char* text : misfits) EXPECT_THAT(error(text), HasSubstr("does not fit its slots")) << text;
}

}  // namespace
}  // namespace denseshift::data
