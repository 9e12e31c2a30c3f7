// Heat maps: cells, their depth, names.

#include "experiments/plot/heat_map.h"

#include <gmock/gmock.h>

#include "experiments/plot/svg.h"

namespace denseshift::plot {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(HeatMap, ACellIsAsDeepAsItsShareOfTheRow) {
  const std::string svg = draw({"Title", {"a & b", "c", "d"}, {8, 0, 0, 3, 1, 0, 0, 0, 0}, {"a note"}}, Theme::light);
  EXPECT_EQ(occurrences(svg, "<rect"), 4U) << "the ground and three cells";
  EXPECT_THAT(svg, HasSubstr("class=\"q q8 s0\""));  // all of the first row is right
  EXPECT_THAT(svg, HasSubstr("class=\"q q6 s1\""));  // three of four are wrong
  EXPECT_THAT(svg, HasSubstr("class=\"q q2 s0\""));
  EXPECT_THAT(svg, HasSubstr("text-anchor=\"middle\" class=\"ground\">8</text>"));
  EXPECT_EQ(occurrences(svg, ">a &amp; b</text>"), 2U);
  EXPECT_THAT(svg, HasSubstr(">a note</text>"));
  EXPECT_EQ(svg, draw({"Title", {"a & b", "c", "d"}, {8, 0, 0, 3, 1, 0, 0, 0, 0}, {"a note"}}, Theme::light));
}

TEST(HeatMap, AFewOfManyCanBeSeen) {
  EXPECT_THAT(draw({"", {"a", "b"}, {1, 999, 0, 0}, {}}, Theme::dark), HasSubstr("class=\"q q1 s0\""));
}

TEST(HeatMap, ManyClassesHaveNoNames) {
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("class " + std::to_string(i));
  std::vector<std::int64_t> counts(names.size() * names.size());
  counts[7] = 1;
  const std::string svg = draw({"Many", names, counts, {}}, Theme::light);
  EXPECT_THAT(svg, Not(HasSubstr("class 7<")));
  EXPECT_EQ(occurrences(svg, "<rect"), 2U);
  EXPECT_THROW((void)draw({"", {"a"}, {}, {}}, Theme::light), std::logic_error);
}

}  // namespace
}  // namespace denseshift::plot
