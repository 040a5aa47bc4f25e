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
  // Takes the votes that are due, as if they were published at once.
  std::vector<std::string> publish(SteadyTime now, std::size_t most = kMany) {
    std::vector<std::string> data;
    for (const PendingVotes::Due& vote : votes.take_due(now, most)) {
      data.push_back(vote.data);
      votes.published(vote.uuid, now);
    }
    return data;
  }

  const SteadyTime start = SteadyTime() + seconds(1'000);
  PendingVotes votes;
};

TEST_F(PendingVotesTest, ANewVoteIsDueAtOnceAndTimesOutAfterTenSeconds) {
  votes.add("a", "data a", 1, start);
  EXPECT_EQ(votes.next_due(), start);
  EXPECT_EQ(votes.next_time_out(), start + seconds(10));
  EXPECT_THAT(publish(start), ElementsAre("data a"));
  EXPECT_THAT(votes.take_timed_out(start + milliseconds(9'999)), IsEmpty());
  EXPECT_THAT(votes.take_timed_out(start + seconds(10)), ElementsAre("a"));
  EXPECT_THAT(votes.take_timed_out(start + seconds(20)), IsEmpty());
}

TEST_F(PendingVotesTest, AVoteIsPublishedAgainAfterTenSecondsAndThenWithGrowingBoundedPauses) {
  votes.add("a", "data a", 1, start);
  publish(start);
  EXPECT_EQ(votes.next_due(), start + seconds(10));
  SteadyTime now = start + seconds(10);
  EXPECT_THAT(publish(now), ElementsAre("data a"));
  for (const int whole_ms : {5'000, 10'000, 20'000, 20'000, 20'000}) {
    const SteadyTime next = *votes.next_due();
    EXPECT_GE(next - now, milliseconds(whole_ms) * 3 / 4);
    EXPECT_LE(next - now, milliseconds(whole_ms));
    now = next;
    EXPECT_THAT(publish(now), ElementsAre("data a"));
  }
}

TEST_F(PendingVotesTest, AVoteThatIsBeingPublishedIsNotDueAgainButTimesOut) {
  votes.add("a", "data a", 1, start);
  votes.take_due(start, kMany);
  EXPECT_EQ(votes.next_due(), std::nullopt);
  EXPECT_THAT(votes.take_timed_out(start + seconds(10)), ElementsAre("a"));
  EXPECT_THAT(votes.take_due(start + seconds(60), kMany), IsEmpty());
  votes.published("a", start + seconds(60));
  EXPECT_EQ(votes.next_due(), start + seconds(70));
}

TEST_F(PendingVotesTest, APostponedVoteIsDueWhenItSays) {
  votes.add("a", "data a", 1, start);
  votes.take_due(start, kMany);
  votes.postpone("a", start + seconds(3));
  EXPECT_THAT(publish(start + milliseconds(2'999)), IsEmpty());
  EXPECT_THAT(publish(start + seconds(3)), ElementsAre("data a"));
}

TEST_F(PendingVotesTest, TheFirstAnswerEndsItsVoteAndNoOther) {
  votes.add("a", "data", 7, start);
  votes.add("b", "data", 8, start);
  const auto ended = votes.end("a", start + milliseconds(30));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->slot, 7U);
  EXPECT_EQ(ended->latency, milliseconds(30));
  EXPECT_FALSE(votes.end("a", start));
  EXPECT_FALSE(votes.end("c", start));
  EXPECT_FALSE(votes.contains("a"));
  EXPECT_TRUE(votes.contains("b"));
  EXPECT_THAT(votes.take_timed_out(start + seconds(10)), ElementsAre("b"));
}

TEST_F(PendingVotesTest, ALateAnswerEndsAVoteThatTimedOut) {
  votes.add("a", "data", 7, start);
  publish(start);
  votes.take_timed_out(start + seconds(10));
  const auto ended = votes.end("a", start + seconds(12));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->latency, seconds(12));
  EXPECT_EQ(votes.size(), 0U);
  EXPECT_EQ(votes.in_flight(), 0U);
  EXPECT_EQ(votes.next_due(), std::nullopt);
}

TEST_F(PendingVotesTest, AVoteMayBeAnsweredWhileItIsBeingPublished) {
  votes.add("a", "data", 7, start);
  votes.take_due(start, kMany);
  EXPECT_TRUE(votes.end("a", start));
  votes.published("a", start);
  votes.postpone("a", start);
  EXPECT_EQ(votes.next_due(), std::nullopt);
  EXPECT_EQ(votes.next_time_out(), std::nullopt);
}

TEST_F(PendingVotesTest, AVoteOfAnEarlierRunIsDueAtOnceAndHasNoLatencyAndDoesNotTimeOutAgain) {
  votes.add_recovered("a", "data a", 7, start);
  EXPECT_EQ(votes.next_due(), start);
  EXPECT_THAT(publish(start), ElementsAre("data a"));
  EXPECT_LE(*votes.next_due(), start + seconds(5));
  EXPECT_THAT(votes.take_timed_out(start + seconds(60)), IsEmpty());
  const auto ended = votes.end("a", start + seconds(1));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->latency, std::nullopt);
}

TEST_F(PendingVotesTest, InFlightAreVotesThatHaveNotTimedOut) {
  votes.add("a", "data", 1, start);
  votes.add("b", "data", 2, start + seconds(5));
  votes.add_recovered("c", "data", 3, start);
  EXPECT_EQ(votes.size(), 3U);
  EXPECT_EQ(votes.in_flight(), 2U);
  votes.take_timed_out(start + seconds(10));
  EXPECT_EQ(votes.size(), 3U);
  EXPECT_EQ(votes.in_flight(), 1U);
  votes.end("a", start);
  votes.end("b", start);
  EXPECT_EQ(votes.in_flight(), 0U);
  EXPECT_EQ(votes.size(), 1U);
}

TEST_F(PendingVotesTest, VotesTimeOutInTheOrderOfTheirTimesWhateverTheOrderOfAdding) {
  votes.add("late", "data", 1, start + seconds(2));
  votes.add("early", "data", 2, start);
  votes.add("middle", "data", 3, start + seconds(1));
  EXPECT_THAT(votes.take_timed_out(start + seconds(60)), ElementsAre("early", "middle", "late"));
}

TEST_F(PendingVotesTest, NoMoreVotesAreTakenThanAskedForAndThoseDueLongestComeFirst) {
  for (int i = 0; i < 5; ++i)
    votes.add(std::to_string(i), "data " + std::to_string(i), 0, start + milliseconds(i));
  const SteadyTime now = start + seconds(1);
  EXPECT_THAT(publish(now, 2), ElementsAre("data 0", "data 1"));
  EXPECT_THAT(publish(now), SizeIs(3));
  EXPECT_THAT(publish(now), IsEmpty());
}

TEST_F(PendingVotesTest, AUuidThatIsPendingCannotBeAddedAgain) {
  EXPECT_TRUE(votes.add("a", "first", 1, start));
  EXPECT_FALSE(votes.add("a", "second", 2, start));
  EXPECT_FALSE(votes.add_recovered("a", "third", 3, start));
  EXPECT_EQ(votes.size(), 1U);
  EXPECT_EQ(votes.in_flight(), 1U);
  EXPECT_THAT(publish(start), ElementsAre("first"));
}

}  // namespace
}  // namespace pollbus::voting_machine
