#include "voting_machine/person.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;

Definition definition(Eligibility eligibility) {
  Definition made;
  made.election = 12;
  made.event = "City 2026";
  made.title = {{"en", "Ward 4"}};
  made.choices = {{0, {{"en", "Ada Lovelace"}}}, {7, {{"en", "Alan Turing"}}}};
  made.eligibility = eligibility;
  return made;
}

std::string ask(const std::string& input, const Definition* its_definition, PersonVote* vote,
                bool complete = true) {
  std::istringstream in(input);
  std::ostringstream out;
  EXPECT_EQ(ask_for_missing(in, out, its_definition, vote), complete);
  return out.str();
}

TEST(PersonTest, TheTitleTheChoicesAndTheFingerprintAreShown) {
  ElectionState state;
  state.definition = definition(Eligibility::kOpen);
  const std::string text = describe(state, 0);
  EXPECT_THAT(text, HasSubstr("City 2026: Ward 4"));
  EXPECT_THAT(text, HasSubstr("0  Ada Lovelace\n"));
  EXPECT_THAT(text, HasSubstr("7  Alan Turing\n"));
  EXPECT_THAT(text, HasSubstr(short_fingerprint(fingerprint(state.definition))));
}

TEST(PersonTest, AChoiceThatDoesNotExistIsRefusedWithTheOnesThatDo) {
  const absl::Status status =
      check({.voter = 1, .choice = 3, .code = {}}, definition(Eligibility::kOpen));
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the choices 0, 7"));
}

TEST(PersonTest, ACodeIsNeededExactlyWhereTheElectionHasCodes) {
  const std::string code = format_voter_code(random_voter_code(43));
  EXPECT_FALSE(
      check({.voter = {}, .choice = 0, .code = code}, definition(Eligibility::kRoll)).ok());
  EXPECT_FALSE(check({.voter = 43, .choice = 0, .code = {}}, definition(Eligibility::kCodes)).ok());
  EXPECT_TRUE(
      check({.voter = {}, .choice = 0, .code = code}, definition(Eligibility::kCodes)).ok());
  EXPECT_TRUE(check({.voter = 43, .choice = 0, .code = {}}, definition(Eligibility::kRoll)).ok());
}

TEST(PersonTest, WhatIsMissingIsAskedForUntilItIsPossible) {
  const Definition roll = definition(Eligibility::kRoll);
  PersonVote vote;
  const std::string output = ask("x\n43\n3\n7\n", &roll, &vote);
  EXPECT_EQ(vote.voter, 43);
  EXPECT_EQ(vote.choice, 7);
  EXPECT_THAT(output, HasSubstr("A voter number is an integer from 0 to"));
  EXPECT_THAT(output, HasSubstr("The choices are 0, 7."));
}

TEST(PersonTest, ACodeIsAskedForAndNamesTheVoter) {
  const Definition codes = definition(Eligibility::kCodes);
  const std::string code = format_voter_code(random_voter_code(43));
  PersonVote vote{.voter = {}, .choice = 0, .code = {}};
  const std::string output = ask("0000\n" + code + "\n", &codes, &vote);
  EXPECT_THAT(output, HasSubstr("This is not a code"));
  EXPECT_EQ(vote.voter, 43);
  EXPECT_EQ(voter_of(vote)(12, 3, 1).code, code);
}

TEST(PersonTest, NothingIsAskedForIfEverythingIsGiven) {
  PersonVote vote{.voter = 43, .choice = 5, .code = {}};
  EXPECT_EQ(ask("", nullptr, &vote), "");
  const SubmittedVote made = voter_of(vote)(12, 3, 1);
  EXPECT_EQ(made.election, 12);
  EXPECT_EQ(made.machine, 3);
  EXPECT_EQ(made.choice, 5);
  EXPECT_EQ(made.code, std::nullopt);
}

TEST(PersonTest, IfTheInputEndsTheVoteIsNotComplete) {
  const Definition roll = definition(Eligibility::kRoll);
  PersonVote vote;
  ask("43\n", &roll, &vote, false);
}

TEST(PersonTest, RandomVotesAreForChoicesThatExist) {
  const Definition roll = definition(Eligibility::kRoll);
  std::int64_t choice = 0;
  const Voter any = [&](std::int64_t, std::int64_t, std::int64_t) {
    return SubmittedVote{.choice = choice++};
  };
  const Voter fitting = within(any, roll);
  EXPECT_EQ(fitting(12, 3, 1).choice, 0);
  EXPECT_EQ(fitting(12, 3, 1).choice, 7);
  EXPECT_EQ(fitting(12, 3, 1).choice, 0);
}

}  // namespace
}  // namespace pollbus::voting_machine
