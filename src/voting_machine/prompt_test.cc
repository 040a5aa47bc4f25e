#include "voting_machine/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;

std::optional<std::int64_t> ask(const std::string& input, std::string* output = nullptr) {
  std::istringstream in(input);
  std::ostringstream out;
  const auto id = ask_for_id(in, out, "election");
  if (output != nullptr) *output = out.str();
  return id;
}

TEST(PromptTest, TakesAnId) {
  std::string output;
  EXPECT_EQ(ask("12\n", &output), 12);
  EXPECT_EQ(output, "Please enter the election ID (integer): ");
  EXPECT_EQ(ask("0\n"), 0);
  EXPECT_EQ(ask("9007199254740991"), 9'007'199'254'740'991);
}

TEST(PromptTest, BlanksAroundTheNumberDoNotMatter) {
  EXPECT_EQ(ask("  12 \n"), 12);
  EXPECT_EQ(ask("\t12\t\r\n"), 12);
}

TEST(PromptTest, AsksAgainUntilTheAnswerIsAnId) {
  for (const char* wrong :
       {"", "   ", "abc", "1 2", "-1", "1.5", "0x10", "9007199254740992", "99999999999999999999"}) {
    std::string output;
    EXPECT_EQ(ask(std::string(wrong) + "\n12\n", &output), 12) << wrong;
    EXPECT_THAT(output, HasSubstr("An ID is an integer from 0 to 9007199254740991.\n")) << wrong;
  }
}

TEST(PromptTest, ReturnsNothingWhenTheInputEnds) {
  EXPECT_EQ(ask(""), std::nullopt);
  EXPECT_EQ(ask("abc\n"), std::nullopt);
}

}  // namespace
}  // namespace pollbus::voting_machine
