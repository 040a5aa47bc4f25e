#include "base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ParseResult = Settings::ParseResult;

std::optional<std::string> even_length(const std::string& value) {
  if (value.size() % 2 == 0) return std::nullopt;
  return "expected an even number of characters";
}

// One setting of each kind, and what parsing stores in them.
struct Everything {
  std::string text = "default";
  std::vector<std::string> texts{"one", "two"};
  std::int64_t integer = 7;
  std::optional<std::int64_t> optional_integer;
  std::optional<double> number;
  bool boolean = false;
  Settings settings{"program", "Does something."};

  Everything() {
    settings.text({"text", "TEXT", "TEXT", "A text"}, &text, even_length);
    settings.texts({"part", "PARTS", "NAME", "Some texts"}, &texts, check_not_empty);
    settings.integer({"integer", "INTEGER", "N", "An integer"}, &integer, -5, 100);
    settings.integer({"id", "ID", "ID", "An id"}, &optional_integer, 0, 9);
    settings.number({"rate", "RATE", "R", "A rate"}, &number, -2.5, 10);
    settings.boolean({"debug", "DEBUG", "", "Log more"}, &boolean);
  }

  ParseResult parse(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& environment = {}) {
    std::vector<const char*> argv{"program"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return settings.parse(static_cast<int>(argv.size()), argv.data(),
                          [&](const std::string& name) -> std::optional<std::string> {
                            const auto found = environment.find(name);
                            if (found == environment.end()) return std::nullopt;
                            return found->second;
                          });
  }
};

TEST(SettingsTest, SettingsThatAreNotGivenKeepTheirDefaults) {
  Everything all;
  ASSERT_EQ(all.parse({}), ParseResult::kRun);
  EXPECT_EQ(all.text, "default");
  EXPECT_THAT(all.texts, ElementsAre("one", "two"));
  EXPECT_EQ(all.integer, 7);
  EXPECT_EQ(all.optional_integer, std::nullopt);
  EXPECT_EQ(all.number, std::nullopt);
  EXPECT_FALSE(all.boolean);
}

TEST(SettingsTest, ANumberKeepsItsDefaultAndItsRange) {
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  double confidence = 0.25;
  Settings settings("test", "");
  settings.number({"confidence", "CONFIDENCE", "C", "How sure"}, &confidence, 0, 1);
  EXPECT_THAT(settings.help(), HasSubstr("0.25"));
  const char* const nothing[] = {"test"};
  EXPECT_EQ(settings.parse(1, nothing, none), ParseResult::kRun);
  EXPECT_EQ(confidence, 0.25);
  const char* const given[] = {"test", "--confidence", "0.5"};
  EXPECT_EQ(settings.parse(3, given, none), ParseResult::kRun);
  EXPECT_EQ(confidence, 0.5);
  const char* const bad[] = {"test", "--confidence", "1.5"};
  EXPECT_EQ(settings.parse(3, bad, none), ParseResult::kInvalid);
  EXPECT_EQ(confidence, 0.5);
}

TEST(SettingsTest, EveryKindIsReadFromFlags) {
  Everything all;
  ASSERT_EQ(all.parse({"--text", "flag", "--part", "a", "--part", "b", "--integer", "8", "--id=9",
                       "--rate", "1.5", "--debug"}),
            ParseResult::kRun)
      << ::testing::PrintToString(all.settings.problems());
  EXPECT_EQ(all.text, "flag");
  EXPECT_THAT(all.texts, ElementsAre("a", "b"));
  EXPECT_EQ(all.integer, 8);
  EXPECT_EQ(all.optional_integer, 9);
  EXPECT_EQ(all.number, 1.5);
  EXPECT_TRUE(all.boolean);
}

TEST(SettingsTest, EveryKindIsReadFromTheEnvironment) {
  Everything all;
  ASSERT_EQ(all.parse({}, {{"TEXT", "file"},
                           {"PARTS", "a,b,,c"},
                           {"INTEGER", " -5 "},
                           {"ID", "0"},
                           {"RATE", "-2.5"},
                           {"DEBUG", "yes"}}),
            ParseResult::kRun)
      << ::testing::PrintToString(all.settings.problems());
  EXPECT_EQ(all.text, "file");
  EXPECT_THAT(all.texts, ElementsAre("a", "b", "c"));
  EXPECT_EQ(all.integer, -5);
  EXPECT_EQ(all.optional_integer, 0);
  EXPECT_EQ(all.number, -2.5);
  EXPECT_TRUE(all.boolean);
}

TEST(SettingsTest, AFlagTakesPrecedenceOverTheEnvironment) {
  Everything all;
  ASSERT_EQ(all.parse({"--text", "flag", "--debug"}, {{"TEXT", "environment"}, {"DEBUG", "no"}}),
            ParseResult::kRun);
  EXPECT_EQ(all.text, "flag");
  EXPECT_TRUE(all.boolean);
}

TEST(SettingsTest, AFlagHidesAWrongValueInTheEnvironment) {
  Everything all;
  ASSERT_EQ(all.parse({"--integer", "3"}, {{"INTEGER", "many"}}), ParseResult::kRun);
  EXPECT_EQ(all.integer, 3);
}

TEST(SettingsTest, AnEmptyVariableCountsAsAbsent) {
  Everything all;
  ASSERT_EQ(all.parse({}, {{"TEXT", ""}, {"INTEGER", ""}, {"DEBUG", ""}, {"PARTS", ""}}),
            ParseResult::kRun);
  EXPECT_EQ(all.text, "default");
  EXPECT_EQ(all.integer, 7);
  EXPECT_THAT(all.texts, ElementsAre("one", "two"));
}

TEST(SettingsTest, TheLastOfRepeatedFlagsCounts) {
  Everything all;
  ASSERT_EQ(all.parse({"--integer", "1", "--integer", "2"}), ParseResult::kRun);
  EXPECT_EQ(all.integer, 2);
}

TEST(SettingsTest, NegativeNumbersAreValuesAndNotFlags) {
  Everything all;
  ASSERT_EQ(all.parse({"--integer", "-5", "--rate", "-2.5"}), ParseResult::kRun);
  EXPECT_EQ(all.integer, -5);
  EXPECT_EQ(all.number, -2.5);
}

struct Wrong {
  std::string name;
  std::vector<std::string> words;
  std::map<std::string, std::string> environment;
  std::string problem;
};

class WrongSettingTest : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongSettingTest, IsReportedWithWhatWasExpected) {
  Everything all;
  EXPECT_EQ(all.parse(GetParam().words, GetParam().environment), ParseResult::kInvalid);
  EXPECT_THAT(all.settings.problems(), ElementsAre(GetParam().problem));
}

const std::string kInteger = "expected an integer from -5 to 100, got ";
const std::string kNumber = "expected a number from -2.5 to 10, got ";
INSTANTIATE_TEST_SUITE_P(
    OfEveryKind, WrongSettingTest,
    ::testing::Values(
        Wrong{
            "AnUnknownFlag", {"--colour", "red"}, {}, "--colour: unknown; --help lists the flags"},
        Wrong{"AWordWithoutAFlag", {"red"}, {}, "red: unknown; --help lists the flags"},
        Wrong{"AFlagWithoutAValue", {"--text"}, {}, "--text: needs a value"},
        Wrong{"AFlagWithAnEmptyValue", {"--text", ""}, {}, "--text: needs a value"},
        Wrong{"AFlagBeforeAFlag", {"--text", "--debug"}, {}, "--text: needs a value"},
        Wrong{"AFlagWithoutItsLastValue", {"--part", "a", "--part"}, {}, "--part: needs a value"},
        Wrong{"AText",
              {"--text", "odd"},
              {},
              "--text: expected an even number of characters, got \"odd\""},
        Wrong{"NotAnInteger", {"--integer", "3x"}, {}, "--integer: " + kInteger + "\"3x\""},
        Wrong{"AFraction", {"--integer", "3.0"}, {}, "--integer: " + kInteger + "\"3.0\""},
        Wrong{"ASpaceWithin", {}, {{"INTEGER", "1 3"}}, "INTEGER: " + kInteger + "\"1 3\""},
        Wrong{"TooSmall", {}, {{"INTEGER", "-6"}}, "INTEGER: " + kInteger + "\"-6\""},
        Wrong{"TooLarge", {}, {{"INTEGER", "101"}}, "INTEGER: " + kInteger + "\"101\""},
        Wrong{"BeyondAllIntegers",
              {},
              {{"INTEGER", "9223372036854775808"}},
              "INTEGER: " + kInteger + "\"9223372036854775808\""},
        Wrong{"AnId", {"--id", "10"}, {}, "--id: expected an integer from 0 to 9, got \"10\""},
        Wrong{"NotANumber", {"--rate", "fast"}, {}, "--rate: " + kNumber + "\"fast\""},
        Wrong{"Nan", {"--rate", "nan"}, {}, "--rate: " + kNumber + "\"nan\""},
        Wrong{"Infinite", {"--rate", "inf"}, {}, "--rate: " + kNumber + "\"inf\""},
        Wrong{"TooFast", {"--rate", "10.01"}, {}, "--rate: " + kNumber + "\"10.01\""},
        Wrong{"NeitherTrueNorFalse",
              {},
              {{"DEBUG", "maybe"}},
              "DEBUG: expected true or false, got \"maybe\""}),
    [](const auto& wrong) { return wrong.param.name; });

TEST(SettingsTest, TheValueOfAnUnknownFlagIsNotShown) {
  Everything all;
  EXPECT_EQ(all.parse({"--password", "hunter2", "--key=hunter3"}), ParseResult::kInvalid);
  EXPECT_THAT(all.settings.problems(), ElementsAre("--password: unknown; --help lists the flags",
                                                   "--key: unknown; --help lists the flags"));
}

TEST(SettingsTest, AllProblemsAreReportedAndWrongValuesAreNotStored) {
  Everything all;
  all.settings.rule([] { return std::optional<std::string>("the rule does not hold"); });
  EXPECT_EQ(all.parse({"--integer", "x", "--colour", "--rate", "fast"}, {{"TEXT", "odd"}}),
            ParseResult::kInvalid);
  EXPECT_THAT(all.settings.problems(),
              ::testing::UnorderedElementsAre(HasSubstr("--colour"), HasSubstr("TEXT"),
                                              HasSubstr("--integer"), HasSubstr("--rate"),
                                              "the rule does not hold"));
  EXPECT_EQ(all.text, "default");
  EXPECT_EQ(all.integer, 7);
}

TEST(SettingsTest, SecondsAreReadWithinTheirRange) {
  Settings settings("program", "");
  std::chrono::seconds patience{1};
  settings.seconds({"patience-s", "", "N", ""}, &patience, std::chrono::seconds(0),
                   std::chrono::hours(1));
  const char* const good[] = {"program", "--patience-s", "3600"};
  EXPECT_EQ(settings.parse(3, good), ParseResult::kRun);
  EXPECT_EQ(patience, std::chrono::hours(1));
  const char* const words[] = {"program", "--patience-s", "99999999999"};
  EXPECT_EQ(settings.parse(3, words), ParseResult::kInvalid);
  EXPECT_THAT(settings.problems(),
              ElementsAre("--patience-s: expected an integer from 0 to 3600, got \"99999999999\""));
}

TEST(SettingsTest, AnAddressThatKubernetesPutIntoTheEnvironmentIsExplained) {
  Everything all;
  all.settings.integer({"redis-port", "REDIS_PORT", "PORT", ""}, &all.integer, 1, kMaxPort);
  EXPECT_EQ(all.parse({}, {{"REDIS_PORT", "tcp://10.0.0.1:6379"}}), ParseResult::kInvalid);
  EXPECT_THAT(
      all.settings.problems(),
      ElementsAre("REDIS_PORT: expected an integer from 1 to 65535, got "
                  "\"tcp://10.0.0.1:6379\". Kubernetes sets REDIS_PORT to such a value when "
                  "a Service is named \"redis\": set enableServiceLinks: false in the "
                  "pod's spec"));
}

TEST(SettingsTest, AnAlternativeIgnoresRequiredSecretsAndRules) {
  Everything all;
  bool check_health = false;
  Secret key;
  all.settings.alternative({"check-health", "", "", "Ask"}, &check_health);
  all.settings.secret({"key", "KEY", "KEY", "The key."}, &key, nullptr, /*required=*/true);
  all.settings.rule([] { return std::optional<std::string>("the rule does not hold"); });
  EXPECT_EQ(all.parse({}), ParseResult::kInvalid);
  EXPECT_EQ(all.parse({"--check-health"}), ParseResult::kRun);
  EXPECT_TRUE(check_health);
}

TEST(SettingsTest, AWrongBooleanIsNotStored) {
  Everything all;
  all.boolean = true;
  EXPECT_EQ(all.parse({}, {{"DEBUG", "maybe"}}), ParseResult::kInvalid);
  EXPECT_TRUE(all.boolean);
}

TEST(SettingsTest, ASecondParseForgetsTheProblemsOfTheFirst) {
  Everything all;
  EXPECT_EQ(all.parse({"--integer", "x"}), ParseResult::kInvalid);
  EXPECT_EQ(all.parse({"--integer", "1"}), ParseResult::kRun);
  EXPECT_THAT(all.settings.problems(), IsEmpty());
}

TEST(SettingsTest, BooleansAreReadInAnyCase) {
  const std::map<std::string, bool> meanings{{"1", true},   {"true", true}, {"YES", true},
                                             {"On", true},  {"0", false},   {"False", false},
                                             {"no", false}, {"OFF", false}};
  for (const auto& [text, meaning] : meanings) {
    Everything all;
    all.boolean = !meaning;
    EXPECT_EQ(all.parse({}, {{"DEBUG", text}}), ParseResult::kRun) << text;
    EXPECT_EQ(all.boolean, meaning) << text;
  }
}

TEST(SettingsTest, ABooleanFlagMayHaveAValue) {
  Everything all;
  ASSERT_EQ(all.parse({"--debug=false"}, {{"DEBUG", "true"}}), ParseResult::kRun);
  EXPECT_FALSE(all.boolean);
  ASSERT_EQ(all.parse({"--debug=true"}), ParseResult::kRun);
  EXPECT_TRUE(all.boolean);
  EXPECT_EQ(all.parse({"--debug=maybe"}), ParseResult::kInvalid);
  EXPECT_EQ(all.settings.problems().size(), 1U);
}

TEST(SettingsTest, HelpListsEachFlagItsVariableAndItsDefault) {
  Everything all;
  EXPECT_EQ(all.parse({"--help"}), ParseResult::kHelp);
  EXPECT_EQ(all.parse({"--colour", "-h"}), ParseResult::kHelp);
  EXPECT_EQ(all.settings.help(),
            "Does something.\n\n"
            "Usage: program [flags]\n\n"
            "Flags (in parentheses the environment variable; a flag takes precedence):\n"
            "  --text TEXT (TEXT)\n        A text [default]\n"
            "  --part NAME (PARTS)\n        Some texts [one,two]\n"
            "  --integer N (INTEGER)\n        An integer [7]\n"
            "  --id ID (ID)\n        An id\n"
            "  --rate R (RATE)\n        A rate\n"
            "  --debug (DEBUG)\n        Log more\n"
            "  --help\n        Print this text\n"
            "  --version\n        Print the version\n");
}

TEST(SettingsTest, TheVersionIsPrintedWhateverElseIsGiven) {
  Everything all;
  EXPECT_EQ(all.parse({"--version", "--integer", "x"}), ParseResult::kVersion);
  ::testing::internal::CaptureStdout();
  const char* const words[] = {"program", "--version"};
  EXPECT_EQ(all.settings.parse_or_exit_code(2, words), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), ::testing::StartsWith("program 0."));
}

TEST(SettingsTest, HostAndPortAreCheckedTogether) {
  for (const char* good : {"localhost:8085", "127.0.0.1:1", "[::1]:65535"})
    EXPECT_EQ(check_host_and_port(good), std::nullopt) << good;
  for (const char* bad : {"", "localhost", ":8085", "localhost:", "localhost:0", "localhost:65536",
                          "localhost:http", "::1:8085"})
    EXPECT_NE(check_host_and_port(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace pollbus
