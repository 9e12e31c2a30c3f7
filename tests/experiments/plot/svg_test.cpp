// Text of drawings: numbers, escaping, paths.

#include "experiments/plot/svg.h"

#include <gmock/gmock.h>

#include <cmath>

namespace denseshift::plot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ShortNumber, HasFewDigitsAndNoNegativeZero) {
  EXPECT_EQ(short_number(12.0), "12");
  EXPECT_EQ(short_number(12.25), "12.2");  // half to even, as printf
  EXPECT_EQ(short_number(-0.01), "0");
  EXPECT_EQ(short_number(0.125, 3), "0.125");
  EXPECT_EQ(short_number(100.0), "100");
  EXPECT_EQ(short_number(NAN), "0");
}

TEST(EscapeXml, LeavesNoMarkup) {
  EXPECT_EQ(escape_xml("<a b=\"c\">'&'"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;&#39;");
  EXPECT_EQ(escape_xml("caf\xC3\xA9 \xE2\x88\x92 \xF0\x9F\x99\x82"), "caf\xC3\xA9 \xE2\x88\x92 \xF0\x9F\x99\x82");
}

TEST(EscapeXml, ReplacesWhatXmlForbids) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_xml(std::string("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(escape_xml("\x1B[31m"), bad + "[31m");
  EXPECT_EQ(escape_xml("\xC3("), bad + "(");               // cut short
  EXPECT_EQ(escape_xml("\xC0\xAF"), bad + bad);            // overlong
  EXPECT_EQ(escape_xml("\xED\xA0\x80"), bad + bad + bad);  // surrogate
  EXPECT_EQ(escape_xml("\xEF\xBF\xBF"), bad + bad + bad);  // U+FFFF
  EXPECT_EQ(escape_xml("x\xE2\x88"), "x" + bad + bad);     // ends too early
}

TEST(WrapText, CutsAtBlanksAndKeepsLongWords) {
  const double width = text_width("three four");
  EXPECT_THAT(wrap_text("one  two three four", width), ElementsAre("one two", "three four"));
  EXPECT_THAT(wrap_text("a incomprehensibilities b", width), ElementsAre("a", "incomprehensibilities", "b"));
  EXPECT_TRUE(wrap_text("", width).empty());
}

TEST(Svg, WritesPathsAsShortSteps) {
  Svg svg(10, 10, "label", Theme::page);
  svg.path({{1, 1}, {1.02, 1.04}, {3.5, 1}, {3.5, 0.25}, {0, 2}}, "l");
  // The second point rounds to the first; then across, up (0.25 is 0.3 in tenths), and to the left.
  EXPECT_THAT(svg.finish(), HasSubstr("<path d=\"M1 1h2.5v-.7l-3.5 1.7\" class=\"l\"/>"));
}

TEST(Svg, PageHasNoStyleAndFilesHaveNoVariables) {
  const std::string page = Svg(10, 10, "a", Theme::page).finish();
  EXPECT_THAT(page, Not(HasSubstr("<style>")));
  EXPECT_THAT(page, HasSubstr("class=\"plot\""));
  for (const Theme theme : {Theme::light, Theme::dark}) {
    const std::string file = Svg(10, 10, "a", theme).finish();
    EXPECT_THAT(file, HasSubstr("xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\""));
    EXPECT_THAT(file, Not(HasSubstr("var(")));
  }
}

TEST(Svg, EscapesItsLabelAndTexts) {
  Svg svg(10, 10, "a\"><script>", Theme::light);
  svg.text({1, 1}, "<b>&");
  const std::string text = svg.finish();
  EXPECT_THAT(text, HasSubstr("aria-label=\"a&quot;&gt;&lt;script&gt;\""));
  EXPECT_THAT(text, HasSubstr("&lt;b&gt;&amp;</text>"));
}

}  // namespace
}  // namespace denseshift::plot
