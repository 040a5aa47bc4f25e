#include "election_office/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::election_office {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine read(std::vector<const char*> words) {
  words.insert(words.begin(), "election-office");
  return read_command_line(static_cast<int>(words.size()), words.data());
}

// What is printed to standard error for a command line that is wrong.
std::string mistake(std::vector<const char*> words) {
  ::testing::internal::CaptureStderr();
  const CommandLine line = read(std::move(words));
  EXPECT_EQ(line.command, nullptr);
  EXPECT_EQ(line.exit_code, kWrongUse);
  return ::testing::internal::GetCapturedStderr();
}

TEST(CommandLine, FlagsMayStandBeforeAndAfterTheFile) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"roll", "import", "voters.csv", "--dry-run", "--column", "number"},
           {"roll", "import", "--dry-run", "--column", "number", "voters.csv"},
           {"--dry-run", "roll", "import", "--column=number", "voters.csv"}}) {
    const CommandLine line = read(words);
    ASSERT_NE(line.command, nullptr);
    EXPECT_EQ(line.command->name, "roll import");
    EXPECT_THAT(line.options.arguments, ElementsAre("voters.csv"));
    EXPECT_TRUE(line.options.dry_run);
    EXPECT_EQ(line.options.column, "number");
  }
}

TEST(CommandLine, ElectionsAreNamedOneByOne) {
  const CommandLine line =
      read({"open", "--project", "local", "--election", "12", "--election", "13"});
  ASSERT_NE(line.command, nullptr);
  EXPECT_THAT(line.options.elections, ElementsAre("12", "13"));
}

TEST(CommandLine, AMisspeltCommandIsAnsweredWithTheOneThatWasMeant) {
  EXPECT_THAT(mistake({"opne"}), HasSubstr("unknown command opne (did you mean open?)"));
  EXPECT_THAT(mistake({"roll", "improt", "f"}), HasSubstr("(did you mean roll import?)"));
}

TEST(CommandLine, MissingAndUnknownPartsAreRefused) {
  EXPECT_THAT(mistake({"define"}), HasSubstr("usage: election-office define FILE"));
  EXPECT_THAT(mistake({"open", "12"}), HasSubstr("usage: election-office open"));
  EXPECT_THAT(mistake({"open", "--dry-run"}), HasSubstr("--dry-run: unknown"));
  EXPECT_THAT(mistake({}), HasSubstr("Commands, in the order"));
}

TEST(CommandLine, EveryCommandHasHelp) {
  for (const CommandSpec& command : all_commands()) {
    std::vector<const char*> words = {"--help"};
    const std::string name(command.name);
    const std::size_t blank = name.find(' ');
    const std::string first = name.substr(0, blank);
    const std::string second = blank == std::string::npos ? "" : name.substr(blank + 1);
    words.push_back(first.c_str());
    if (!second.empty()) words.push_back(second.c_str());
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(read(words).exit_code, 0);
    EXPECT_THAT(::testing::internal::GetCapturedStdout(),
                HasSubstr("Usage: election-office " + name));
  }
}

}  // namespace
}  // namespace pollbus::election_office
