#include "voting_machine/tally.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace pollbus::voting_machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TallyKeeperTest : public ::testing::Test {
 protected:
  void answered(Outcome outcome, bool ends_vote = true) {
    const Answer answer{.result = {.outcome = outcome, .uuid = "u", .reason = ""},
                        .text = "",
                        .ends_vote = ends_vote,
                        .latency = milliseconds(5)};
    keeper.answered({&answer, 1});
  }

  testing::ManualClock clock;
  TallyKeeper keeper{clock};
};

TEST_F(TallyKeeperTest, CountsVotesByWhatHappenedToThem) {
  keeper.recovered(std::vector<SubmittedVote>(2));
  keeper.kept(std::vector<SubmittedVote>(10));
  keeper.timed_out(std::vector<std::string>(4));
  for (int i = 0; i < 3; ++i) answered(Outcome::kSuccessful);
  for (int i = 0; i < 2; ++i) answered(Outcome::kAlreadyVoted);
  answered(Outcome::kRejected);
  const Tally tally = keeper.tally();
  EXPECT_EQ(tally.recovered, 2);
  EXPECT_EQ(tally.sent, 10);
  EXPECT_EQ(tally.timed_out, 4);
  EXPECT_EQ(tally.successful, 3);
  EXPECT_EQ(tally.already_voted, 2);
  EXPECT_EQ(tally.rejected, 1);
  EXPECT_EQ(tally.answered(), 6);
  EXPECT_EQ(tally.pending(), 6);
  EXPECT_EQ(tally.latency.count(), 6);
}

TEST_F(TallyKeeperTest, AnAnswerThatEndsNoVoteIsCountedAsUnknownOnly) {
  keeper.kept(std::vector<SubmittedVote>(1));
  answered(Outcome::kSuccessful, /*ends_vote=*/false);
  EXPECT_EQ(keeper.tally().unknown_results, 1);
  EXPECT_EQ(keeper.tally().answered(), 0);
  EXPECT_EQ(keeper.tally().pending(), 1);
  EXPECT_EQ(keeper.tally().latency.count(), 0);
}

TEST_F(TallyKeeperTest, TheRateIsOverTheTimeUpToTheLastAnswer) {
  EXPECT_EQ(keeper.tally().votes_per_second(), 0);
  clock.advance(seconds(2));
  answered(Outcome::kSuccessful);
  answered(Outcome::kSuccessful);
  clock.advance(seconds(100));
  EXPECT_EQ(keeper.tally().votes_per_second(), 1);
}

}  // namespace
}  // namespace pollbus::voting_machine
