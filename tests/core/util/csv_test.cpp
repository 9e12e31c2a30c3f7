#include "core/util/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/util/error.h"

namespace denseshift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string error_of(const std::string& content) {
  try {
    (void)parse_csv(content, "t.csv");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Csv, QuotesCommasAndLineEndsInFields) {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF,name,\"two\nlines\"\r\n0,\"a, b\",x\r\n\r\n1,\"say \"\"no\"\"\",\"1\r\n2\"\n2,,\"\"", "t.csv");
  EXPECT_THAT(table.header, ElementsAre("", "name", "two\nlines"));
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_THAT(table.rows[0].fields, ElementsAre("0", "a, b", "x"));
  EXPECT_THAT(table.rows[1].fields, ElementsAre("1", "say \"no\"", "1\r\n2"));
  EXPECT_THAT(table.rows[2].fields, ElementsAre("2", "", ""));
  EXPECT_EQ(table.column("name"), 1U);
  EXPECT_EQ(table.where(table.rows[0]), "t.csv, row 1 (line 3)");
  EXPECT_EQ(table.where(table.rows[1]), "t.csv, row 2 (line 5)");
  EXPECT_EQ(table.where(table.rows[2]), "t.csv, row 3 (line 7)");
}

TEST(Csv, AFieldReadsBackAsItWasWritten) {
  for (const std::string text : {"", "plain", " blanks ", "a,b", "\"", "line\nend", "\r\n", "\xC3\xA4,\xC3\xB6"}) {
    const CsvTable table = parse_csv("a,b\n" + csv_field(text) + ",x\n", "t.csv");
    EXPECT_THAT(table.rows.at(0).fields, ElementsAre(text, "x"));
  }
}

TEST(Csv, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_THAT(error_of(""), HasSubstr("t.csv: the table is empty"));
  EXPECT_THAT(error_of("\n\r\n"), HasSubstr("t.csv: the table is empty"));
  EXPECT_THAT(error_of("a,b,a\n"), HasSubstr("t.csv, line 1: the header has two columns 'a'"));
  EXPECT_THAT(error_of("\"x\ny\",\"x\ny\"\n"), AllOf(HasSubstr("two columns 'x?y'"), Not(HasSubstr("\n"))));
  EXPECT_THAT(error_of("a,b\n1,2\n3\n"), HasSubstr("t.csv, row 2 (line 3): 1 fields, the header has 2"));
  EXPECT_THAT(error_of("a,b\n1,2,3\n"), HasSubstr("row 1 (line 2): 3 fields"));
  EXPECT_THAT(error_of("a,b\n1,\"x\n\n"), HasSubstr("line 2: a quote is opened and never closed"));
  EXPECT_THAT(error_of("a,b\n1,x\"y\"\n"), HasSubstr("line 2: a quote inside a field that is not quoted"));
  EXPECT_THAT(error_of("a,b\n1,\"x\"y\n"), HasSubstr("line 2: text behind a quoted field"));
  EXPECT_THAT(error_of(std::string("a,b\n1,\0\n", 9)), HasSubstr("line 2: a NUL character"));
  EXPECT_THAT(error_of("a\n\""), HasSubstr("line 2: a quote is opened"));
  try {
    (void)parse_csv("a,b\n", "t.csv").column("c");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "t.csv: the header has no column 'c'");
    EXPECT_EQ(error.hint(), "it has a, b");
  }
}

TEST(Csv, TextForMessagesStaysOnOneLine) {
  EXPECT_EQ(one_line("a\nb\tc"), "a?b?c");
  EXPECT_EQ(one_line(std::string(100, 'x')), std::string(80, 'x') + "...");
  EXPECT_EQ(one_line(std::string(79, 'x') + "\xC3\xA4\xC3\xA4"), std::string(79, 'x') + "...") << "whole characters";
}

}  // namespace
}  // namespace denseshift
