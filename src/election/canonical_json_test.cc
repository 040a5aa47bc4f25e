#include "election/canonical_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view json) {
  return std::string(canonical_json(json).status().message());
}

TEST(CanonicalJson, StringsAreWrittenAsInTheExampleOfTheRfc) {
  // RFC 8785 §3.2.2, without its numbers, which are not integers.
  const std::string_view text = R"({
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })";
  EXPECT_EQ(
      *canonical_json(text),
      "{\"literals\":[null,true,false],\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJson, NamesAreSortedByUtf16CodeUnitsAsInTheRfc) {
  // RFC 8785 §3.2.3.
  const std::string_view text = R"({
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\ud83d\ude00": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis"
  })";
  EXPECT_EQ(*canonical_json(text),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
            "\"\U0001F600\":\"Emoji: Grinning Face\","
            "\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(CanonicalJson, NamesAreSortedInNestedObjectsAndArraysKeepTheirOrder) {
  EXPECT_EQ(*canonical_json(R"({"b":[{"d":1,"c":2},3], "a":{}, "":[]})"),
            R"({"":[],"a":{},"b":[{"c":2,"d":1},3]})");
}

TEST(CanonicalJson, ANameComesBeforeALongerOneThatBeginsWithIt) {
  EXPECT_EQ(*canonical_json(R"({"ab":1,"a":2})"), R"({"a":2,"ab":1})");
}

TEST(CanonicalJson, EveryControlCharacterHasOneForm) {
  EXPECT_EQ(*canonical_json(R"("\u0000\u0008\u0009\u000A\u000C\u000D\u001F\u007f")"),
            "\"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\"");
}

TEST(CanonicalJson, IntegersUpToTheLimitsOfTheRfcAreKept) {
  EXPECT_EQ(*canonical_json("[0,-0,9007199254740991,-9007199254740991]"),
            "[0,0,9007199254740991,-9007199254740991]");
}

TEST(CanonicalJson, OtherNumbersAreRefusedWithTheirPlace) {
  EXPECT_EQ(error_of(R"({"a":[1,2.0]})"), "/a/1 must be an integer");
  EXPECT_EQ(error_of(R"({"a":1e2})"), "/a must be an integer");
  EXPECT_THAT(error_of("9007199254740992"), HasSubstr("must be between"));
  EXPECT_THAT(error_of("-9007199254740992"), HasSubstr("must be between"));
  EXPECT_FALSE(canonical_json("18446744073709551616").ok());
  EXPECT_FALSE(canonical_json("1e999").ok());
}

TEST(CanonicalJson, ADuplicateNameIsRefusedAlsoWhenItIsEscapedDifferently) {
  EXPECT_EQ(error_of(R"({"x":[{"a":1,"\u0061":2}]})"), "/x/0/a is given more than once");
}

TEST(CanonicalJson, PlacesAreEscapedAsJsonPointers) {
  EXPECT_EQ(error_of(R"({"a/b":{"m~n":1.5}})"), "/a~1b/m~0n must be an integer");
}

TEST(CanonicalJson, TextThatIsNotJsonIsRefusedWithLineAndColumn) {
  EXPECT_THAT(error_of("{\n  \"a\": ?}"), HasSubstr("line 2, column 8"));
  for (const std::string_view text : {"", "{", "[1,]", "{\"a\":1}x", "'a'", "\"\\ud800\"", "01"}) {
    EXPECT_FALSE(canonical_json(text).ok()) << text;
  }
  EXPECT_FALSE(canonical_json("\"\xff\"").ok());
  EXPECT_FALSE(canonical_json(std::string_view("{}\0{", 4)).ok());
}

TEST(CanonicalJson, DeepNestingIsRefusedWithoutUsingTheStack) {
  EXPECT_TRUE(canonical_json(std::string(32, '[') + std::string(32, ']')).ok());
  EXPECT_THAT(error_of(std::string(33, '[') + std::string(33, ']')), HasSubstr("too deeply"));
  EXPECT_FALSE(canonical_json(std::string(500'000, '[') + std::string(500'000, ']')).ok());
  EXPECT_FALSE(canonical_json(std::string(500'000, '[')).ok());
}

TEST(CanonicalJson, TheCanonicalFormIsItsOwnCanonicalForm) {
  const std::string once = *canonical_json(R"({"z":"é","a":[1,{"y":null,"b":"\n"}]})");
  EXPECT_EQ(*canonical_json(once), once);
}

}  // namespace
}  // namespace pollbus
