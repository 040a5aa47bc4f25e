#include "election_board/query.h"

#include <gtest/gtest.h>

namespace pollbus::election_board {
namespace {

TEST(Query, FindsAValueByItsNameAndDecodesIt) {
  EXPECT_EQ(query_value("lang=fr&code=3KQ4+00A7%2D", "code"), "3KQ4 00A7-");
  EXPECT_EQ(query_value("lang=fr&code=x", "lang"), "fr");
  EXPECT_EQ(query_value("code=%C3%A9", "code"), "\u00E9");
}

TEST(Query, HasNothingForANameThatIsNotThere) {
  EXPECT_EQ(query_value("", "code"), "");
  EXPECT_EQ(query_value("encode=1", "code"), "");
  EXPECT_EQ(query_value("code", "code"), "");
  EXPECT_EQ(query_value("&&=&code=", "code"), "");
}

TEST(Query, LeavesABrokenEscapeAsItIs) {
  EXPECT_EQ(query_value("code=%", "code"), "%");
  EXPECT_EQ(query_value("code=%zz", "code"), "%zz");
}

}  // namespace
}  // namespace pollbus::election_board
