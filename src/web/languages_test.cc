#include "web/languages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace pollbus::web {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<Asset, 3> kSome{{
    {"/en.json", "",
     R"({"language.name":"English","language.direction":"ltr","hello":"Hello, {name}"})"},
    {"/fr.json", "",
     R"({"language.name":"Français","language.direction":"ltr","hello":"Bonjour, {name}"})"},
    {"/ar.json", "", R"({"language.name":"العربية","language.direction":"rtl"})"},
}};

TEST(LanguagesTest, TheSharedCataloguesAreComplete) {
  const Languages languages({shared_languages()});
  EXPECT_THAT(languages.problems(), ElementsAre());
  EXPECT_THAT(languages.tags(), ElementsAre("en", "de", "es", "fr", "ar"));
}

TEST(LanguagesTest, ATextIsFoundByLanguageAndItsPlaceholdersAreFilled) {
  const Languages languages({kSome});
  EXPECT_EQ(languages.text("fr", "hello", {{"name", "Ada"}}), "Bonjour, Ada");
}

TEST(LanguagesTest, AMissingTextIsShownInTheDefaultLanguageAndThenAsItsKey) {
  const Languages languages({kSome});
  EXPECT_EQ(languages.text("ar", "hello", {{"name", "Ada"}}), "Hello, Ada");
  EXPECT_EQ(languages.text("xx", "hello", {{"name", "Ada"}}), "Hello, Ada");
  EXPECT_EQ(languages.text("fr", "nothing"), "nothing");
}

TEST(LanguagesTest, AValueThatLooksLikeAPlaceholderIsNotReplacedAgain) {
  const Languages languages({kSome});
  EXPECT_EQ(languages.text("en", "hello", {{"name", "{name}"}}), "Hello, {name}");
}

TEST(LanguagesTest, ArabicIsWrittenFromRightToLeft) {
  const Languages languages({kSome});
  EXPECT_EQ(languages.direction("ar"), "rtl");
  EXPECT_EQ(languages.direction("fr"), "ltr");
  EXPECT_EQ(languages.direction("xx"), "ltr");
}

TEST(LanguagesTest, TheLanguageIsTheOneAskedForThenTheBrowsersThenTheDefault) {
  const Languages languages({kSome});
  EXPECT_EQ(languages.choose("ar", "fr"), "ar");
  EXPECT_EQ(languages.choose("", "fr"), "fr");
  EXPECT_EQ(languages.choose("xx", "fr-CA, en;q=0.5"), "fr");
  EXPECT_EQ(languages.choose("", "en;q=0.5, xx, ar;q=0.85"), "ar");
  EXPECT_EQ(languages.choose("", "fr;q=0, it"), "en");
  EXPECT_EQ(languages.choose("", ",;=,,;q=9999999999999"), "en");
  EXPECT_EQ(languages.choose("", ""), "en");
}

TEST(LanguagesTest, AMissingAnEmptyAndAWrongTextAreProblems) {
  constexpr std::array<Asset, 2> kBad{{
      {"/en.json", "", R"({"language.name":"English","a":"one","b":"two {count}","c":"three"})"},
      {"/fr.json", "", R"({"language.name":"Français","a":" ","b":"deux {nombre}"})"},
  }};
  EXPECT_THAT(Languages({kBad}).problems(),
              ElementsAre("fr: a is empty", "fr: b has other placeholders", "fr: c is missing"));
}

TEST(LanguagesTest, AllTextsOfALanguageAreOneJsonObject) {
  EXPECT_THAT(Languages({kSome}).json("fr"), HasSubstr(R"("hello":"Bonjour, {name}")"));
}

}  // namespace
}  // namespace pollbus::web
