#include "election/definition.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "election/canonical_json.h"

namespace pollbus {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json ward_4() {
  return json::parse(R"({
    "election_ID": 12, "event": "City 2026",
    "title": {"en": "Ward 4", "fr": "Quartier 4"},
    "choices": [{"voting": 0, "name": {"en": "Ada Lovelace"}},
                {"voting": 1, "name": {"en": "Alan Turing"}}],
    "opens": "2026-12-01T08:00", "closes": "2026-12-01T20:00",
    "time_zone": "America/Toronto", "eligibility": "roll", "results": "after close"
  })");
}

std::vector<std::string> problems_in(std::string_view text) {
  const auto parsed = parse_definition(text);
  std::vector<std::string> lines;
  if (const auto* problems = std::get_if<std::vector<Problem>>(&parsed)) {
    for (const auto& [place, what] : *problems) lines.push_back(place + " " + what);
  }
  return lines;
}
std::vector<std::string> problems_of(const json& definition) {
  return problems_in(definition.dump());
}

Definition valid(const json& definition) {
  EXPECT_THAT(problems_of(definition), IsEmpty());
  return std::get<Definition>(parse_definition(definition.dump()));
}

TEST(Definition, ADefinitionIsReadWithItsTimesAsInstants) {
  const Definition definition = valid(ward_4());
  EXPECT_EQ(definition.election, 12);
  EXPECT_EQ(definition.event, "City 2026");
  EXPECT_EQ(definition.title.at("fr"), "Quartier 4");
  ASSERT_EQ(definition.choices.size(), 2);
  EXPECT_EQ(definition.choices[1].voting, 1);
  EXPECT_EQ(definition.choices[1].name.at("en"), "Alan Turing");
  EXPECT_EQ(utc_text(definition.opens->utc_ms), "2026-12-01T13:00:00Z");
  EXPECT_EQ(utc_text(definition.closes->utc_ms), "2026-12-02T01:00:00Z");
  EXPECT_EQ(definition.eligibility, Eligibility::kRoll);
  EXPECT_EQ(definition.results, ResultsVisibility::kAfterClose);
  EXPECT_FALSE(definition.is_test);
}

TEST(Definition, TimesVisibilitySecrecyAndTestMayBeLeftOut) {
  json definition = ward_4();
  for (const char* field : {"opens", "closes", "time_zone", "results"}) definition.erase(field);
  EXPECT_FALSE(valid(definition).opens);
  EXPECT_EQ(valid(definition).time_zone, "UTC");
  definition["secrecy"] = "plain";
  definition["test"] = true;
  definition["results"] = "live";
  EXPECT_TRUE(valid(definition).is_test);
  EXPECT_EQ(valid(definition).results, ResultsVisibility::kLive);
}

TEST(Definition, EveryProblemIsReportedAtOnceWithItsPlace) {
  EXPECT_THAT(problems_in(std::string_view(R"({
        "election_ID": -1, "event": "", "title": {}, "titel": 1,
        "choices": [{"voting": 0, "name": {"en": "Ada"}, "colour": "red"},
                    {"voting": 0, "name": {"english": 5}}, 7],
        "opens": "2026-03-08T02:30", "closes": "tomorrow", "time_zone": "America/Toronto",
        "eligibility": "all", "results": "now", "secrecy": "encrypted", "test": "yes"
      })")),
              ElementsAre("/titel is not a field (did you mean title?)",
                          "/election_ID must be an integer from 0 to 9007199254740991",
                          "/event must not be empty",
                          HasSubstr("/title must have a text for each language"),
                          "/choices/0/colour is not a field",
                          "/choices/1/voting is the number of /choices/0 too",
                          HasSubstr("/choices/1/name/english must be a text"),
                          HasSubstr("/choices/2 must be an object"),
                          HasSubstr("/opens does not exist in America/Toronto"),
                          HasSubstr("/closes must be a date and time"),
                          R"(/eligibility must be "open", "roll", "codes")",
                          R"(/results must be "after close", "live")",
                          R"(/secrecy must be "plain")", "/test must be true or false"));
}

TEST(Definition, MissingFieldsAreNamed) {
  EXPECT_THAT(problems_of(json::object()),
              ElementsAre("/election_ID is missing", "/event is missing", "/title is missing",
                          "/choices is missing", "/eligibility is missing"));
  json definition = ward_4();
  definition.erase("time_zone");
  EXPECT_THAT(problems_of(definition), ElementsAre("/time_zone is missing"));
}

TEST(Definition, TextThatIsNoJsonObjectIsOneProblem) {
  EXPECT_THAT(problems_in(std::string_view("{\n\"election_ID\": 12,,}")),
              ElementsAre(" is not JSON: error at line 2, column 19"));
  EXPECT_THAT(problems_in(std::string_view("[]")), ElementsAre(" must be a JSON object"));
  EXPECT_THAT(problems_in(std::string(kMaxDefinitionBytes + 1, ' ')),
              ElementsAre(HasSubstr("at most 1048576 bytes")));
}

TEST(Definition, DuplicateFieldsAndFractionsAreProblems) {
  std::string text = ward_4().dump();
  text.insert(1, R"("election_ID":12.5,"event":"A",)");
  EXPECT_THAT(problems_in(std::string_view(text)),
              testing::IsSupersetOf({std::string("/election_ID must be an integer"),
                                     std::string("/election_ID is given more than once"),
                                     std::string("/event is given more than once")}));
}

TEST(Definition, AThousandChoicesAreAllowedAndNoMore) {
  json definition = ward_4();
  definition["choices"] = json::array();
  for (int i = 0; i < 1'000; ++i) {
    definition["choices"].push_back({{"voting", i}, {"name", {{"en", fmt::format("C{}", i)}}}});
  }
  EXPECT_EQ(valid(definition).choices.size(), 1'000);
  definition["choices"].push_back({{"voting", 1'000}, {"name", {{"en", "one more"}}}});
  EXPECT_THAT(problems_of(definition), ElementsAre("/choices must be a list of 1 to 1000 choices"));
  definition["choices"] = json::array();
  EXPECT_THAT(problems_of(definition), ElementsAre("/choices must be a list of 1 to 1000 choices"));
}

TEST(Definition, ANameHasAtMostTwoHundredCharactersInAnyScript) {
  // Each of these is one character for a reader: Latin, Han, an emoji, and a Devanagari syllable
  // and a letter with an accent of two code points each.
  for (const std::string character : {"a", "選", "😀", "नि", "e\u0301"}) {
    std::string name;
    for (int i = 0; i < 200; ++i) name += character;
    json definition = ward_4();
    definition["choices"][0]["name"] = {{"en", name}};
    valid(definition);
    definition["choices"][0]["name"] = {{"en", name + character}};
    EXPECT_THAT(problems_of(definition),
                ElementsAre("/choices/0/name/en must have at most 200 characters, and has 201"));
  }
}

TEST(Definition, NamesThatAReaderCannotTellApartAreRefused) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"Ada", "Ada"},
      {"Ada", "ADA"},
      {"Ada  L", "Ada L"},
      {"Jos\u00e9", "Jose\u0301"},  // NFC and NFD
      {"\ufb01n", "fin"},           // ligature
      {"\uff21da", "Ada"},          // full width
      {"Ada\u00a0L", "Ada L"},      // no-break space
      {"\u1100\u1161", "\uac00"},   // Hangul, composed and not
      {"Stra\u00dfe", "STRASSE"},
      {"Ada", "\u0410d\u0430"},              // Cyrillic A and a
      {"\u0421\u043e\u0441\u043e", "Coco"},  // all Cyrillic
  };
  for (const auto& [first, second] : pairs) {
    json definition = ward_4();
    definition["choices"][0]["name"] = {{"en", first}};
    definition["choices"][1]["name"] = {{"en", second}};
    EXPECT_THAT(
        problems_of(definition),
        ElementsAre(AllOf(HasSubstr("/choices/1/name is shown in en"), HasSubstr("/choices/0"))))
        << second;
  }
}

TEST(Definition, NamesOfOneScriptThatLookAlikeAreAllowed) {
  for (const auto& [first, second] :
       {std::pair{"Barn", "Bam"}, {"Line 1", "Line l"}, {"\u0410\u0434\u0430", "Ada"}}) {
    json definition = ward_4();
    definition["choices"][0]["name"] = {{"en", first}};
    definition["choices"][1]["name"] = {{"en", second}};
    EXPECT_THAT(problems_of(definition), IsEmpty()) << second;
  }
}

TEST(Definition, TheSameNameInOneLanguageOnlyIsFoundAlsoThroughTheFallback) {
  json definition = ward_4();
  definition["choices"][0]["name"] = {{"en", "No"}, {"fr", "Non"}};
  definition["choices"][1]["name"] = {{"en", "Non"}};  // shown in French too
  EXPECT_THAT(problems_of(definition), ElementsAre(HasSubstr("/choices/1/name is shown in fr")));
}

TEST(Definition, InvisibleCharactersAndBlanksAtTheEndsAreRefused) {
  for (const std::string name :
       {" Ada", "Ada\u00a0", "Ada\nL", "Ada\u202eL", "A\u200bda", "\u0007"}) {
    json definition = ward_4();
    definition["choices"][0]["name"] = {{"en", name}};
    EXPECT_THAT(problems_of(definition), ElementsAre(HasSubstr("/choices/0/name/en must not")))
        << name;
  }
  // Joiners are part of the spelling of some languages.
  json definition = ward_4();
  definition["choices"][0]["name"] = {{"fa", "می\u200cخواهم"}};
  valid(definition);
}

TEST(Definition, LanguagesAreTagsInTheirUsualForm) {
  json definition = ward_4();
  definition["title"] = {{"zh-Hant-TW", "四區"}, {"sr-Latn", "Izbor"}, {"en", "Ward"}};
  valid(definition);
  definition["title"] = {{"EN", "Ward"}};
  EXPECT_THAT(problems_of(definition), ElementsAre("/title/EN must be written en"));
  definition["title"] = {{"", "Ward"}};
  EXPECT_THAT(problems_of(definition), ElementsAre(HasSubstr("/title/ must be a language tag")));
  definition["title"] = {{"en_US", "Ward"}};
  EXPECT_FALSE(problems_of(definition).empty());
}

TEST(Definition, TheElectionMustOpenBeforeItCloses) {
  json definition = ward_4();
  definition["closes"] = definition["opens"];
  EXPECT_THAT(problems_of(definition), ElementsAre("/closes must be later than /opens"));
}

TEST(Definition, AnUnknownTimeZoneIsOneProblem) {
  json definition = ward_4();
  definition["time_zone"] = "America/Toronta";
  EXPECT_THAT(problems_of(definition),
              ElementsAre("/time_zone must be a time zone such as America/Toronto"));
}

TEST(Definition, KnownInstantsAreTakenAsTheyAreSoThatTimeZonesMayChangeAfterwards) {
  const Instants instants{.opens_ms = 1'000, .closes_ms = 2'000};
  json definition = ward_4();
  definition["time_zone"] = "Mars/Olympus_Mons";  // a zone that only the office knows
  const auto parsed = parse_definition(definition.dump(), &instants);
  ASSERT_TRUE(std::holds_alternative<Definition>(parsed));
  EXPECT_EQ(std::get<Definition>(parsed).closes->utc_ms, 2'000);
}

TEST(Definition, TheFingerprintIsThatOfTheCanonicalForm) {
  const Definition definition = valid(ward_4());
  EXPECT_EQ(definition.canonical, *canonical_json(ward_4().dump(4)));
  EXPECT_EQ(fingerprint(definition), sha256(definition.canonical));
  EXPECT_EQ(fingerprint(definition),
            fingerprint(std::get<Definition>(parse_definition(ward_4().dump(4)))));
  Sha256 hash{};
  hash[0] = 0x3f;
  hash[1] = 0x9a;
  hash[2] = 0x02;
  hash[3] = 0xc1;
  EXPECT_EQ(short_fingerprint(hash), "3f9a 02c1");
}

TEST(Definition, ATextFallsBackToTheBaseLanguageThenEnglishThenAnyLanguage) {
  const LocalizedText text = {{"ar", "a"}, {"en", "e"}, {"fr", "f"}};
  EXPECT_EQ(text_in(text, "fr"), "f");
  EXPECT_EQ(text_in(text, "fr-CA"), "f");
  EXPECT_EQ(text_in(text, "de"), "e");
  EXPECT_EQ(text_in({{"ar", "a"}, {"fr", "f"}}, "de"), "a");
}

}  // namespace
}  // namespace pollbus
