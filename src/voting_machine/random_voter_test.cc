#include "voting_machine/random_voter.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "election/uuid.h"

namespace pollbus::voting_machine {
namespace {

std::vector<std::pair<std::int64_t, std::int64_t>> votes_of(std::uint64_t seed, int count) {
  RandomVoter random(seed, 100, 5);
  std::vector<std::pair<std::int64_t, std::int64_t>> votes;
  for (int i = 0; i < count; ++i) {
    const SubmittedVote vote = random.cast(12, 3, 1);
    votes.emplace_back(vote.voter, vote.choice);
  }
  return votes;
}

TEST(RandomVoterTest, TheSameSeedGivesTheSameVotersAndChoices) {
  EXPECT_EQ(votes_of(7, 1'000), votes_of(7, 1'000));
  EXPECT_NE(votes_of(7, 1'000), votes_of(8, 1'000));
}

TEST(RandomVoterTest, EveryVoterAndChoiceBelowTheLimitsIsDrawnAndNoOther) {
  std::set<std::int64_t> voters;
  std::set<std::int64_t> choices;
  for (const auto& [voter, choice] : votes_of(7, 10'000)) {
    voters.insert(voter);
    choices.insert(choice);
  }
  EXPECT_EQ(voters.size(), 100U);
  EXPECT_EQ(*voters.begin(), 0);
  EXPECT_EQ(*voters.rbegin(), 99);
  EXPECT_EQ(choices, (std::set<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(RandomVoterTest, WithOneVoterAndOneChoiceTheVoteIsDetermined) {
  RandomVoter random(7, 1, 1);
  const SubmittedVote vote = random.cast(12, 3, 99);
  EXPECT_EQ(vote.voter, 0);
  EXPECT_EQ(vote.choice, 0);
  EXPECT_EQ(vote.election, 12);
  EXPECT_EQ(vote.machine, 3);
  EXPECT_EQ(vote.timestamp_ms, 99);
}

TEST(RandomVoterTest, NoTwoVotesShareAUuidEvenWithTheSameSeed) {
  std::set<std::string> uuids;
  for (int run = 0; run < 2; ++run) {
    RandomVoter random(7, 100, 5);
    for (int i = 0; i < 500; ++i) uuids.insert(random.cast(12, 3, 1).uuid);
  }
  EXPECT_EQ(uuids.size(), 1'000U);
  for (const std::string& uuid : uuids) EXPECT_TRUE(is_uuid(uuid));
}

}  // namespace
}  // namespace pollbus::voting_machine
