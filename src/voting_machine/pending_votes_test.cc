#include "voting_machine/pending_votes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::voting_machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kMany = 1'000;

class PendingVotesTest : public ::testing::Test {
 protected:
  const SteadyTime start = SteadyTime() + seconds(1'000);
  PendingVotes votes;
};

TEST_F(PendingVotesTest, AVoteIsDueOnceItHasWaitedTenSecondsAndNotBefore) {
  votes.add("a", "data a", 1, start);
  EXPECT_EQ(votes.next_due(), start + seconds(10));
  EXPECT_THAT(votes.take_due(start + milliseconds(9'999), kMany).data, IsEmpty());
  const auto due = votes.take_due(start + seconds(10), kMany);
  EXPECT_THAT(due.data, ElementsAre("data a"));
  EXPECT_EQ(due.timed_out, 1);
}

TEST_F(PendingVotesTest, AVoteTimesOutOnceAndIsPublishedAgainWithGrowingBoundedPauses) {
  votes.add("a", "data a", 1, start);
  SteadyTime now = *votes.next_due();
  EXPECT_EQ(votes.take_due(now, kMany).timed_out, 1);
  for (const int whole_ms : {5'000, 10'000, 20'000, 20'000, 20'000}) {
    const SteadyTime next = *votes.next_due();
    EXPECT_GE(next - now, milliseconds(whole_ms) * 3 / 4);
    EXPECT_LE(next - now, milliseconds(whole_ms));
    now = next;
    const auto due = votes.take_due(now, kMany);
    EXPECT_THAT(due.data, ElementsAre("data a"));
    EXPECT_EQ(due.timed_out, 0);
  }
}

TEST_F(PendingVotesTest, TheFirstAnswerSettlesAVoteAndNoOther) {
  votes.add("a", "data", 7, start);
  votes.add("b", "data", 8, start);
  const auto settled = votes.settle("a", start + milliseconds(30));
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->slot, 7U);
  EXPECT_EQ(settled->latency, milliseconds(30));
  EXPECT_FALSE(votes.settle("a", start));
  EXPECT_FALSE(votes.settle("c", start));
  EXPECT_EQ(votes.size(), 1U);
  EXPECT_EQ(votes.take_due(start + seconds(10), kMany).timed_out, 1);
}

TEST_F(PendingVotesTest, ALateAnswerSettlesAVoteThatTimedOut) {
  votes.add("a", "data", 7, start);
  votes.take_due(start + seconds(10), kMany);
  const auto settled = votes.settle("a", start + seconds(12));
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->latency, seconds(12));
  EXPECT_EQ(votes.size(), 0U);
  EXPECT_EQ(votes.in_flight(), 0U);
  EXPECT_EQ(votes.next_due(), std::nullopt);
}

TEST_F(PendingVotesTest, AVoteOfAnEarlierRunIsDueAtOnceAndHasNoLatencyAndDoesNotTimeOutAgain) {
  votes.add_recovered("a", "data a", 7, start);
  EXPECT_EQ(votes.next_due(), start);
  const auto due = votes.take_due(start, kMany);
  EXPECT_THAT(due.data, ElementsAre("data a"));
  EXPECT_EQ(due.timed_out, 0);
  const auto settled = votes.settle("a", start + seconds(1));
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->latency, std::nullopt);
}

TEST_F(PendingVotesTest, InFlightAreThoseThatHaveNotTimedOut) {
  votes.add("a", "data", 1, start);
  votes.add("b", "data", 2, start + seconds(5));
  votes.add_recovered("c", "data", 3, start);
  EXPECT_EQ(votes.size(), 3U);
  EXPECT_EQ(votes.in_flight(), 2U);
  votes.take_due(start + seconds(10), kMany);
  EXPECT_EQ(votes.size(), 3U);
  EXPECT_EQ(votes.in_flight(), 1U);
  votes.settle("a", start);
  votes.settle("b", start);
  EXPECT_EQ(votes.in_flight(), 0U);
  EXPECT_EQ(votes.size(), 1U);
}

TEST_F(PendingVotesTest, NoMoreAreTakenThanAskedForAndTheLongestDueComeFirst) {
  for (int i = 0; i < 5; ++i)
    votes.add(std::to_string(i), "data " + std::to_string(i), 0, start + milliseconds(i));
  const SteadyTime now = start + seconds(20);
  EXPECT_THAT(votes.take_due(now, 2).data, ElementsAre("data 0", "data 1"));
  EXPECT_THAT(votes.take_due(now, kMany).data, SizeIs(3));
  EXPECT_THAT(votes.take_due(now, kMany).data, IsEmpty());
}

TEST_F(PendingVotesTest, AUuidIsPendingOnce) {
  votes.add("a", "first", 1, start);
  votes.add("a", "second", 2, start);
  EXPECT_EQ(votes.size(), 1U);
  EXPECT_EQ(votes.in_flight(), 1U);
  EXPECT_THAT(votes.take_due(start + seconds(10), kMany).data, ElementsAre("first"));
}

}  // namespace
}  // namespace pollbus::voting_machine
