#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/settings.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ParseResult = Settings::ParseResult;

const std::string kValue = "correct horse battery staple";

class SecretTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    const auto path = folder / name;
    std::ofstream(path) << content;
    return path.string();
  }

  ParseResult parse(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& environment, bool required = false) {
    Settings settings("program", "");
    Settings::Check check = [](const std::string& value) -> std::optional<std::string> {
      if (value.starts_with("wrong")) return "expected what is right";
      return std::nullopt;
    };
    settings.secret({"key", "KEY", "KEY", "The key."}, &secret, check, required);
    std::vector<const char*> argv{"program"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    const auto outcome = settings.parse(static_cast<int>(argv.size()), argv.data(),
                                        [&](const std::string& name) -> std::optional<std::string> {
                                          const auto found = environment.find(name);
                                          if (found == environment.end()) return std::nullopt;
                                          return found->second;
                                        });
    problems = settings.problems();
    help = settings.help();
    return outcome;
  }

  testing::TemporaryFolder folder;
  Secret secret;
  std::vector<std::string> problems;
  std::string help;
};

TEST_F(SecretTest, IsReadFromTheEnvironment) {
  ASSERT_EQ(parse({}, {{"KEY", kValue}}, true), ParseResult::kRun);
  EXPECT_EQ(secret.reveal(), kValue);
}

TEST_F(SecretTest, IsReadFromTheFileThatAVariableNamesWithoutItsLastNewline) {
  const std::map<std::string, std::string> contents{{kValue, kValue},
                                                    {kValue + "\n", kValue},
                                                    {kValue + "\r\n", kValue},
                                                    {kValue + "\n\n", kValue + "\n"},
                                                    {" a b ", " a b "}};
  for (const auto& [content, expected] : contents) {
    ASSERT_EQ(parse({}, {{"KEY_FILE", file("key", content)}}, true), ParseResult::kRun);
    EXPECT_EQ(secret.reveal(), expected);
  }
}

TEST_F(SecretTest, AFileNamedByAFlagTakesPrecedenceOverTheEnvironment) {
  ASSERT_EQ(parse({"--key-file", file("key", kValue)}, {{"KEY", "other"}}), ParseResult::kRun);
  EXPECT_EQ(secret.reveal(), kValue);
}

TEST_F(SecretTest, IsNeverReadFromTheCommandLine) {
  EXPECT_EQ(parse({"--key", kValue}, {}), ParseResult::kInvalid);
  EXPECT_TRUE(secret.empty());
}

TEST_F(SecretTest, AVariableAndAFileTogetherAreAProblem) {
  EXPECT_EQ(parse({}, {{"KEY", kValue}, {"KEY_FILE", file("key", kValue)}}), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("KEY and KEY_FILE: set only one of the two"));
}

TEST_F(SecretTest, AnEmptyVariableCountsAsAbsent) {
  ASSERT_EQ(parse({}, {{"KEY", ""}, {"KEY_FILE", file("key", kValue)}}), ParseResult::kRun);
  EXPECT_EQ(secret.reveal(), kValue);
  ASSERT_EQ(parse({}, {{"KEY", "other"}, {"KEY_FILE", ""}}), ParseResult::kRun);
  EXPECT_EQ(secret.reveal(), "other");
}

TEST_F(SecretTest, AFileThatCannotBeReadIsOneProblem) {
  const std::string nowhere = (folder / "nowhere").string();
  EXPECT_EQ(parse({}, {{"KEY_FILE", nowhere}}, true), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("KEY_FILE: cannot read " + nowhere));
  EXPECT_EQ(parse({"--key-file", nowhere}, {}, true), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("--key-file: cannot read " + nowhere));
}

TEST_F(SecretTest, ADirectoryInsteadOfAFileIsAProblemAndNotACrash) {
  const std::string path = folder.path().string();
  EXPECT_EQ(parse({}, {{"KEY_FILE", path}}), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("KEY_FILE: cannot read " + path));
}

TEST_F(SecretTest, AMissingRequiredSecretIsReportedWithBothVariables) {
  EXPECT_EQ(parse({}, {}, true), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("KEY (or KEY_FILE): missing. The key."));
  EXPECT_EQ(parse({}, {}, false), ParseResult::kRun);
}

TEST_F(SecretTest, AnEmptyFileIsAProblemEvenIfTheSecretIsNotRequired) {
  for (const char* content : {"", "\n", "\r\n"}) {
    const std::string path = file("empty", content);
    EXPECT_EQ(parse({}, {{"KEY_FILE", path}}), ParseResult::kInvalid);
    EXPECT_THAT(problems, ElementsAre("KEY_FILE: " + path + " is empty"));
  }
}

TEST_F(SecretTest, AFileThatIsTooLargeOrEndlessIsAProblem) {
  const std::string path = file("large", std::string(64 * 1024 + 1, 'x'));
  for (const std::string& large : {path, std::string("/dev/zero")}) {
    EXPECT_EQ(parse({}, {{"KEY_FILE", large}}), ParseResult::kInvalid);
    EXPECT_THAT(problems, ElementsAre("KEY_FILE: " + large + " has more than 65536 bytes"));
  }
}

TEST_F(SecretTest, AWrongSecretIsReportedAsWrongNotAsMissing) {
  EXPECT_EQ(parse({}, {{"KEY", "wrong key"}}, true), ParseResult::kInvalid);
  EXPECT_THAT(problems, ElementsAre("KEY: expected what is right"));
}

TEST_F(SecretTest, AppearsInNoProblemAndNotInTheHelp) {
  const std::string wrong = "wrong " + kValue;
  const auto check = [&] {
    EXPECT_THAT(problems, AllOf(Not(::testing::IsEmpty()), Each(Not(HasSubstr(kValue)))));
    EXPECT_THAT(help, Not(HasSubstr(kValue)));
  };
  secret = Secret(kValue);
  parse({}, {{"KEY", wrong}});
  check();
  parse({}, {{"KEY_FILE", file("key", wrong)}});
  check();
  parse({"--key-file", file("key", wrong)}, {});
  check();
  parse({}, {{"KEY", kValue}, {"KEY_FILE", file("key", kValue)}});
  check();
}

TEST_F(SecretTest, TheHelpShowsBothVariablesAndTheFileFlag) {
  parse({"--help"}, {});
  EXPECT_THAT(help, HasSubstr("  --key-file FILE (KEY, or KEY_FILE)\n        The key.\n"));
}

}  // namespace
}  // namespace pollbus
