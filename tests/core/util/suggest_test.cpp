#include "core/util/suggest.h"

#include <gmock/gmock.h>

namespace denseshift {
namespace {

TEST(EditDistance, MatchesTheTextbookExamples) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);  // Wagner and Fischer's usual example
  EXPECT_EQ(edit_distance("saturday", "sunday"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(EditDistance, ASwapOfNeighboursCostsOne) {
  EXPECT_EQ(edit_distance("wbits", "wibts"), 1U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);  // optimal string alignment; unrestricted Damerau-Levenshtein would say 2
}

TEST(Nearest, FindsTheMeantWord) {
  const std::vector<std::string> words = {"train", "eval", "runs", "models"};
  EXPECT_EQ(nearest("tran", words), "train");
  EXPECT_EQ(nearest("modles", words), "models");
  EXPECT_EQ(nearest("mod", words), "models");  // a prefix
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("zzzzzz", {"train", "eval"}), "");
  EXPECT_EQ(nearest("train", {}), "");
}

TEST(Suggestion, NamesTheNearestOrListsAll) {
  EXPECT_EQ(suggestion("adamv", {"sgd", "adamw"}), "did you mean adamw?");
  EXPECT_EQ(suggestion("rmsprop", {"sgd", "adamw"}), "one of: sgd, adamw");
}

}  // namespace
}  // namespace denseshift
