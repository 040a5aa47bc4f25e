#include "broker/core/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "broker/core/filter_dnf.h"

namespace pollbus::broker {
namespace {

using AttributeMap = std::map<std::string, std::string>;

std::vector<Attribute> view(const AttributeMap& map) {
  std::vector<Attribute> attributes;
  for (const auto& [key, value] : map) attributes.push_back({key, value});
  return attributes;
}

bool holds(const std::vector<Conjunction>& disjunction, Attributes attributes) {
  for (const Conjunction& conjunction : disjunction) {
    bool all = true;
    for (const Literal& literal : conjunction) all = all && literal.matches(attributes);
    if (all) return true;
  }
  return false;
}

struct MatchCase {
  std::string filter;
  std::vector<AttributeMap> matching;
  std::vector<AttributeMap> not_matching;
};

const AttributeMap kNone;

std::vector<MatchCase> match_cases() {
  return {
      {"", {kNone, {{"a", "1"}}}, {}},
      {" \t\r\n ", {kNone, {{"a", "1"}}}, {}},
      // has
      {"attributes:domain", {{{"domain", "com"}}, {{"domain", ""}}}, {kNone, {{"Domain", "com"}}}},
      {R"(attributes:"iana.org/language_tag")",
       {{{"iana.org/language_tag", "en"}}},
       {{{"iana", "en"}}}},
      {"attributes:a-b_C9", {{{"a-b_C9", ""}}}, {{{"a", ""}}, {{"b_C9", ""}}}},
      {"attributes:9", {{{"9", ""}}}, {kNone}},
      {"attributes:-a", {{{"-a", ""}}}, {{{"a", ""}}, kNone}},
      {R"(attributes:"AND")", {{{"AND", "x"}}}, {kNone, {{"and", "x"}}}},
      {"attributes:ANDROID", {{{"ANDROID", "x"}}}, {kNone}},
      {"attributes:attributes", {{{"attributes", "x"}}}, {kNone}},
      // equality
      {R"(attributes.domain = "com")",
       {{{"domain", "com"}}, {{"domain", "com"}, {"x", "y"}}},
       {kNone, {{"domain", "Com"}}, {{"domain", "com "}}, {{"Domain", "com"}}, {{"x", "com"}}}},
      {R"(attributes.domain="")", {{{"domain", ""}}}, {kNone, {{"domain", "x"}}}},
      {R"(attributes.domain != "com")",
       {kNone, {{"domain", "org"}}, {{"x", "com"}}},
       {{{"domain", "com"}}}},
      {R"(attributes."iana.org/language_tag" = "en")",
       {{{"iana.org/language_tag", "en"}}},
       {{{"iana.org/language_tag", "de"}}, kNone}},
      {R"(attributes.a-b="x")", {{{"a-b", "x"}}}, {{{"a", "x"}}, {{"b", "x"}}}},
      {"\tattributes\n.\ra = \"x\" ", {{{"a", "x"}}}, {kNone}},
      {"attributes : a", {{{"a", "x"}}}, {kNone}},
      // hasPrefix
      {R"(hasPrefix(attributes.domain, "co"))",
       {{{"domain", "co"}}, {{"domain", "com"}}},
       {kNone, {{"domain", "c"}}, {{"domain", "Com"}}, {{"x", "co"}}}},
      {R"(hasPrefix(attributes.domain, ""))", {{{"domain", ""}}, {{"domain", "x"}}}, {kNone}},
      {R"(hasPrefix ( attributes . "a.b" ,"x"))", {{{"a.b", "xy"}}}, {{{"a.b", "y"}}}},
      // AND, OR, NOT
      {R"(attributes:iana AND attributes.name = "com")",
       {{{"iana", ""}, {"name", "com"}}},
       {{{"iana", ""}}, {{"name", "com"}}, kNone}},
      {R"(attributes:a OR attributes:b OR attributes:c)",
       {{{"a", ""}}, {{"b", ""}}, {{"c", ""}}, {{"a", ""}, {"c", ""}}},
       {kNone, {{"d", ""}}}},
      {R"(attributes:a AND attributes:b AND attributes:c)",
       {{{"a", ""}, {"b", ""}, {"c", ""}}},
       {{{"a", ""}, {"b", ""}}, kNone}},
      {R"(NOT attributes:a)", {kNone, {{"b", ""}}}, {{{"a", ""}}}},
      {R"(-attributes:a)", {kNone, {{"b", ""}}}, {{{"a", ""}}}},
      {R"(- attributes:a)", {kNone}, {{{"a", ""}}}},
      {R"(NOT NOT attributes:a)", {{{"a", ""}}}, {kNone}},
      {R"(--attributes:a)", {{{"a", ""}}}, {kNone}},
      {R"(NOT -attributes:a)", {{{"a", ""}}}, {kNone}},
      {R"(NOT(attributes:a))", {kNone}, {{{"a", ""}}}},
      {R"(NOT attributes.a != "x")", {{{"a", "x"}}}, {kNone, {{"a", "y"}}}},
      // NOT binds tightest.
      {R"(NOT attributes:a AND attributes:b)",
       {{{"b", ""}}},
       {kNone, {{"a", ""}}, {{"a", ""}, {"b", ""}}}},
      {R"(NOT attributes:a OR attributes:b)",
       {kNone, {{"b", ""}}, {{"a", ""}, {"b", ""}}},
       {{{"a", ""}}}},
      {R"(attributes:b AND -attributes:a)", {{{"b", ""}}}, {kNone, {{"a", ""}, {"b", ""}}}},
      {R"(NOT (attributes:a OR attributes:b))",
       {kNone, {{"c", ""}}},
       {{{"a", ""}}, {{"b", ""}}, {{"a", ""}, {"b", ""}}}},
      {R"(NOT (attributes:a AND attributes:b))",
       {kNone, {{"a", ""}}, {{"b", ""}}},
       {{{"a", ""}, {"b", ""}}}},
      // Parentheses
      {R"(attributes:a AND (attributes:b OR attributes:c))",
       {{{"a", ""}, {"b", ""}}, {{"a", ""}, {"c", ""}}},
       {kNone, {{"a", ""}}, {{"b", ""}, {"c", ""}}}},
      {R"((attributes:a AND attributes:b) OR attributes:c)",
       {{{"a", ""}, {"b", ""}}, {{"c", ""}}},
       {kNone, {{"a", ""}}, {{"b", ""}}}},
      {R"(((attributes:a)))", {{{"a", ""}}}, {kNone}},
      {R"((attributes:a)AND(attributes:b))", {{{"a", ""}, {"b", ""}}}, {{{"a", ""}}}},
      {R"(attributes.a="x"AND attributes.b="y")",
       {{{"a", "x"}, {"b", "y"}}},
       {{{"a", "x"}}, kNone}},
      // The filters of Pollbus
      {R"(attributes.function="result" AND attributes.machineID="3")",
       {{{"function", "result"}, {"machineID", "3"}}},
       {{{"function", "result"}, {"machineID", "33"}},
        {{"function", "submit vote"}, {"machineID", "3"}},
        {{"function", "result"}}}},
      // Escapes
      {R"(attributes.a = "\\ \" \' \?")", {{{"a", "\\ \" ' ?"}}}, {kNone}},
      {R"(attributes.a = "\a\b\f\n\r\t\v")", {{{"a", "\a\b\f\n\r\t\v"}}}, {kNone}},
      {R"(attributes.a = "\x41\x6a\x4A")", {{{"a", "AjJ"}}}, {{{"a", "\\x41"}}}},
      {R"(attributes.a = "\101\060")", {{{"a", "A0"}}}, {kNone}},
      {R"(attributes.a = "\xc3\xa9\303\251")", {{{"a", "éé"}}}, {kNone}},
      {R"(attributes.a = "\u00e9\u20AC\U0001F5F3")", {{{"a", "é€🗳"}}}, {kNone}},
      {R"(attributes.a = "é€🗳")", {{{"a", "é€🗳"}}}, {{{"a", "e"}}}},
      {R"(attributes."\u00e9" = "1")", {{{"é", "1"}}}, {kNone}},
      {R"(attributes.a = "x AND y (z")", {{{"a", "x AND y (z"}}}, {kNone}},
      {R"(attributes.a = "it's")", {{{"a", "it's"}}}, {kNone}},
  };
}

TEST(FilterTest, MatchesAsTheDocumentationSays) {
  for (const MatchCase& test : match_cases()) {
    SCOPED_TRACE(test.filter);
    const auto filter = Filter::parse(test.filter);
    ASSERT_TRUE(filter.ok()) << filter.status();
    EXPECT_EQ(filter->text(), test.filter);
    for (const AttributeMap& attributes : test.matching) {
      EXPECT_TRUE(filter->matches(view(attributes))) << testing::PrintToString(attributes);
    }
    for (const AttributeMap& attributes : test.not_matching) {
      EXPECT_FALSE(filter->matches(view(attributes))) << testing::PrintToString(attributes);
    }
  }
}

TEST(FilterTest, TheDisjunctiveNormalFormMatchesTheSameMessages) {
  for (const MatchCase& test : match_cases()) {
    SCOPED_TRACE(test.filter);
    const auto filter = Filter::parse(test.filter);
    ASSERT_TRUE(filter.ok()) << filter.status();
    if (filter->matches_everything()) continue;
    const auto form = to_disjunctive_normal_form(*filter->expression());
    ASSERT_TRUE(form.has_value());
    for (const AttributeMap& attributes : test.matching) {
      EXPECT_TRUE(holds(*form, view(attributes))) << testing::PrintToString(attributes);
    }
    for (const AttributeMap& attributes : test.not_matching) {
      EXPECT_FALSE(holds(*form, view(attributes))) << testing::PrintToString(attributes);
    }
  }
}

struct InvalidCase {
  std::string filter;
  int character;
  std::string says;
};

std::vector<InvalidCase> invalid_cases() {
  return {
      // Operators in lower case, missing, doubled or dangling
      {R"(attributes:a and attributes:b)", 14, "expected AND, OR (in upper case) or the end"},
      {R"(attributes:a or attributes:b)", 14, "expected AND, OR"},
      {R"(not attributes:a)", 1, "found \"not\""},
      {R"(attributes:a attributes:b)", 14, "found \"attributes\""},
      {R"(attributes:a -attributes:b)", 14, "found \"-attributes\""},
      {R"(attributes:a AND)", 17, "found the end"},
      {R"(AND attributes:a)", 1, "found \"AND\""},
      {R"(attributes:a AND OR attributes:b)", 18, "found \"OR\""},
      {R"(attributes:a AND AND attributes:b)", 18, "found \"AND\""},
      {R"(attributes:a NOT attributes:b)", 14, "found \"NOT\""},
      {R"(NOT)", 4, "found the end"},
      {R"(-)", 2, "found the end"},
      {R"(NOTattributes:a)", 1, "found \"NOTattributes\""},
      {R"(attributes:a ANDattributes:b)", 14, "found \"ANDattributes\""},
      {R"(attributes:a && attributes:b)", 14, "found '&'"},
      // Mixed operators
      {R"(attributes:a AND attributes:b OR attributes:c)", 31, "cannot be mixed"},
      {R"(attributes:a OR attributes:b AND attributes:c)", 30, "cannot be mixed"},
      {R"((attributes:a OR attributes:b AND attributes:c))", 31, "cannot be mixed"},
      {R"(attributes:a AND NOT attributes:b OR attributes:c)", 35, "cannot be mixed"},
      // Parentheses
      {R"((attributes:a)", 14, "or ')'"},
      {R"(attributes:a))", 13, "found ')'"},
      {R"(())", 2, "found ')'"},
      {R"(()", 2, "found the end"},
      // Sides and values
      {R"("com" = attributes.domain)", 1, "found '\"'"},
      {R"(attributes.domain = com)", 21, "expected a string literal in double quotes"},
      {R"(attributes.domain = 'com')", 21, "expected a string literal in double quotes"},
      {R"(attributes.domain = 1)", 21, "expected a string literal"},
      {R"(attributes.domain = )", 21, "found the end"},
      {R"(attributes.domain = ("com"))", 21, "found '('"},
      {R"(attributes.domain = ("com" OR "org"))", 21, "found '('"},
      {R"(attributes.domain = attributes.x)", 21, "expected a string literal"},
      {R"(attributes.domain = "com" "org")", 27, "found '\"'"},
      {R"(attributes.domain = "com)", 21, "no closing quote"},
      {R"(attributes.domain = "com\")", 21, "no closing quote"},
      // Comparators
      {R"(attributes.domain)", 18, "expected '=' or '!='"},
      {R"(attributes.domain > "com")", 19, "found '>'"},
      {R"(attributes.domain < "com")", 19, "found '<'"},
      {R"(attributes.domain <= "com")", 19, "found '<'"},
      {R"(attributes.domain == "com")", 20, "found '='"},
      {R"(attributes.domain ! "com")", 19, "found '!'"},
      {R"(attributes.domain : "com")", 19, "found ':'"},
      {R"(attributes.domain := "com")", 19, "found ':'"},
      {R"(attributes:domain = "com")", 19, "found '='"},
      // Keys
      {R"(attributes)", 11, "expected '.' or ':'"},
      {R"(attributes = "x")", 12, "expected '.' or ':'"},
      {R"(attributes:)", 12, "expected a key"},
      {R"(attributes.)", 12, "expected a key"},
      {R"(attributes.= "x")", 12, "expected a key"},
      {R"(attributes:*)", 12, "expected a key"},
      {R"(attributes:AND)", 12, "AND is an operator"},
      {R"(attributes.NOT = "x")", 12, "NOT is an operator"},
      {R"(attributes:iana.org)", 16, "found '.'"},
      {R"(attributes.iana.org = "x")", 16, "found '.'"},
      {R"(attributes.a/b = "x")", 13, "found '/'"},
      {R"(attributes:é)", 12, "found 'é'"},
      {R"(attributes:a\n)", 13, "found '\\'"},
      {R"(attributes.a = "é" x)", 20, "found \"x\""},
      {R"(attribute:a)", 1, "expected attributes"},
      {R"(Attributes:a)", 1, "expected attributes"},
      {R"(data = "x")", 1, "expected attributes"},
      {R"(attributes-a = "x")", 1, "found \"attributes-a\""},
      {R"(a)", 1, "expected attributes"},
      {R"(\x41)", 1, "found '\\'"},
      // Functions
      {R"(hasSuffix(attributes.a, "x"))", 1, "found \"hasSuffix\""},
      {R"(hasprefix(attributes.a, "x"))", 1, "found \"hasprefix\""},
      {R"(hasPrefix)", 10, "expected '('"},
      {R"(hasPrefix())", 11, "expected attributes"},
      {R"(hasPrefix(attributes.a))", 23, "expected ','"},
      {R"(hasPrefix(attributes.a,))", 24, "expected a string literal"},
      {R"(hasPrefix(attributes.a, "x", "y"))", 28, "expected ')'"},
      {R"(hasPrefix(attributes.a, x))", 25, "expected a string literal"},
      {R"(hasPrefix("x", attributes.a))", 11, "expected attributes"},
      {R"(hasPrefix(attributes, "x"))", 21, "expected '.'"},
      {R"(hasPrefix(attributes:a, "x"))", 21, "expected '.'"},
      {R"(hasPrefix(attributes.a, "x")", 28, "expected ')'"},
      {R"(hasPrefix(attributes.a, "x") = "y")", 30, "found '='"},
      {R"(-hasPrefix(attributes.a "x"))", 25, "expected ','"},
      // Escapes
      {R"(attributes.a = "\q")", 17, "expected one of the escapes"},
      {R"(attributes.a = "\8")", 17, "expected one of the escapes"},
      {R"(attributes.a = "\X41")", 17, "expected one of the escapes"},
      {R"(attributes.a = "\x4")", 17, "2 hexadecimal digits"},
      {R"(attributes.a = "\xg0")", 17, "2 hexadecimal digits"},
      {R"(attributes.a = "\1")", 17, "3 octal digits"},
      {R"(attributes.a = "\18 ")", 17, "3 octal digits"},
      {R"(attributes.a = "\400")", 17, "from \\000 to \\377"},
      {R"(attributes.a = "\u00e")", 17, "4 hexadecimal digits"},
      {R"(attributes.a = "\U0001F5F")", 17, "8 hexadecimal digits"},
      {R"(attributes.a = "\ud83d")", 17, "not a Unicode character"},
      {R"(attributes.a = "\U00110000")", 17, "not a Unicode character"},
      {R"(attributes.a = "\xff")", 16, "not valid UTF-8"},
      {R"(attributes.a = "\)", 17, "expected one of the escapes"},
  };
}

TEST(FilterTest, RefusesInvalidFiltersAndNamesThePosition) {
  for (const InvalidCase& test : invalid_cases()) {
    SCOPED_TRACE(test.filter);
    const auto filter = Filter::parse(test.filter);
    ASSERT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string message(filter.status().message());
    EXPECT_THAT(message, testing::HasSubstr("Invalid filter at character " +
                                            std::to_string(test.character) + ":"));
    EXPECT_THAT(message, testing::HasSubstr(test.says));
  }
}

TEST(FilterTest, TheLengthLimitCountsBytes) {
  const auto filter_of = [](std::size_t bytes, const std::string& unit) {
    std::string text = "attributes.a=\"";
    while (text.size() + unit.size() + 1 <= bytes) text += unit;
    return text + "\"";
  };
  EXPECT_TRUE(Filter::parse(filter_of(kMaxFilterBytes, "x")).ok());
  const auto too_long = Filter::parse(filter_of(kMaxFilterBytes + 1, "x"));
  ASSERT_EQ(too_long.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(too_long.status().message()), testing::HasSubstr("257 bytes"));
  EXPECT_FALSE(Filter::parse(filter_of(kMaxFilterBytes + 3, "é")).ok());
  EXPECT_FALSE(Filter::parse(std::string(kMaxFilterBytes + 1, ' ')).ok());
}

TEST(FilterTest, ParenthesesCanBeAsDeepAsTheLengthAllows) {
  const std::size_t depth = (kMaxFilterBytes - std::string("attributes:a").size()) / 2;
  EXPECT_TRUE(
      Filter::parse(std::string(depth, '(') + "attributes:a" + std::string(depth, ')')).ok());
}

TEST(FilterTest, NestingIsLimited) {
  const auto filter = Filter::parse(std::string(kMaxFilterNesting + 1, '-') + "attributes:a");
  ASSERT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(filter.status().message()), testing::HasSubstr("levels deep"));
}

TEST(FilterTest, EveryPrefixOfAValidFilterIsParsedOrRefused) {
  for (const MatchCase& test : match_cases()) {
    for (std::size_t bytes = 0; bytes <= test.filter.size(); ++bytes) {
      const auto filter = Filter::parse(test.filter.substr(0, bytes));
      EXPECT_TRUE(filter.ok() || filter.status().code() == absl::StatusCode::kInvalidArgument);
    }
  }
}

TEST(FilterTest, ANormalFormAboveTheLimitIsNotBuilt) {
  std::string text;
  for (const char* clause : {"(-attributes:a OR attributes:b)", "(attributes:c OR attributes:d)",
                             "(attributes:e OR attributes:f)", "(attributes:g OR attributes:h)",
                             "(attributes:i OR attributes:j)", "(attributes:k OR attributes:l)",
                             "(attributes:m OR attributes:n)"}) {
    text += text.empty() ? clause : std::string("AND") + clause;
  }
  const auto filter = Filter::parse(text);
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_FALSE(to_disjunctive_normal_form(*filter->expression()).has_value());
}

}  // namespace
}  // namespace pollbus::broker
