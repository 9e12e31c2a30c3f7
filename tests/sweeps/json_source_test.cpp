// Lines of values in files that people write.

#include "sweeps/json_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_program.h"

namespace denseshift::sweeps {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string message_of(const Error& error) { return error.what(); }

TEST(JsonSource, PointsAtTheLineOfEveryValue) {
  const ::denseshift::testing::TemporaryFolder folder;
  const JsonSource source(
      folder.write("s.json", "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b/c\": {\"d\": [{},\n{}]}\n}\n"));
  const auto line = [&](const std::string& place) { return message_of(source.error(place, "wrong")); };
  EXPECT_THAT(line("/a"), EndsWith("s.json:2: wrong"));
  EXPECT_THAT(line("/a/0"), EndsWith(":3: wrong"));
  EXPECT_THAT(line("/a/1"), EndsWith(":4: wrong"));
  EXPECT_THAT(line(place_of("", "b/c")), EndsWith(":6: wrong"));
  EXPECT_THAT(line("/b~1c/d/1"), EndsWith(":7: wrong"));
  EXPECT_THAT(line("/a/1/missing"), EndsWith(":4: wrong")) << "the nearest enclosing value";
  EXPECT_THAT(line(""), EndsWith("s.json: wrong"));
}

TEST(JsonSource, RefusesWhatIsNoObjectOfDistinctKeys) {
  const ::denseshift::testing::TemporaryFolder folder;
  const auto refusal = [&](const std::string& text) -> std::string {
    try {
      const JsonSource source(folder.write("s.json", text));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("{\n\"a\": 1,\n}"), EndsWith("s.json:3: not valid JSON"));
  EXPECT_THAT(refusal("{\n\"a\": 1\n\"b\": 2}"), EndsWith("s.json:3: not valid JSON"));
  EXPECT_THAT(refusal("{\"a\": {\n\"b\": 1,\n\"b\": 2}}"), EndsWith("s.json:3: b is given twice"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal(""), HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace denseshift::sweeps
