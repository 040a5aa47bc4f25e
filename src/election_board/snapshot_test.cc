#include "election_board/snapshot.h"

#include <gtest/gtest.h>

#include "election_board/board_fixture.h"

namespace pollbus::election_board {
namespace {

const ElectionView& view_of(const std::shared_ptr<const Snapshot>& snapshot) {
  return snapshot->elections.at(12);
}

// What the reader returns next: the counts, without the events that were read before.
PublicCounts next_reading(FakeElection& election, std::int64_t later_ms) {
  election.counts.events.clear();
  election.counts.now_utc_ms += later_ms;
  return election.counts;
}

TEST(SnapshotBuilder, ShowsTurnoutAloneUntilTheElectionHasClosed) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.set_votes({5, 3});
  SnapshotBuilder builder(election.office.public_key());
  const auto open = builder.update(election.counts);
  EXPECT_EQ(view_of(open).phase, Phase::kOpen);
  EXPECT_FALSE(view_of(open).results.tally) << "although the reading had a tally";
  EXPECT_EQ(view_of(open).results.turnout.voted, 8);

  election.counts.events.clear();
  election.add(EventKind::kClose);
  const auto closed = builder.update(election.counts);
  EXPECT_EQ(view_of(closed).results.tally->valid, 8);
}

TEST(SnapshotBuilder, ShowsALiveTallyWhileTheElectionIsOpen) {
  std::string json = two_choices();
  json.replace(json.find("after close"), 11, "live");
  FakeElection election(json);
  election.add(EventKind::kOpen);
  election.set_votes({5, 3});
  SnapshotBuilder builder(std::nullopt);
  EXPECT_EQ(view_of(builder.update(election.counts)).results.tally->valid, 8);
}

TEST(SnapshotBuilder, AnElectionClosesByTheClockOfPostgresql) {
  FakeElection election(two_choices(R"(,"closes":"2026-12-01T07:30")"));  // 12:30 UTC
  election.add(EventKind::kOpen);
  election.set_votes({1, 0});
  SnapshotBuilder builder(std::nullopt);
  EXPECT_EQ(view_of(builder.update(election.counts)).phase, Phase::kOpen);
  const auto later = builder.update(next_reading(election, 30 * 60'000));
  EXPECT_EQ(view_of(later).phase, Phase::kClosed);
  EXPECT_TRUE(view_of(later).results.tally);
}

TEST(SnapshotBuilder, IsTheSameSnapshotWhileNothingChanges) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  SnapshotBuilder builder(std::nullopt);
  const auto first = builder.update(election.counts);
  EXPECT_EQ(builder.update(next_reading(election, 1'000)), first);
  EXPECT_EQ(first->number, kNoon);
}

TEST(SnapshotBuilder, AChangeHasAHigherNumberOnEveryReplica) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  SnapshotBuilder one(std::nullopt);
  SnapshotBuilder other(std::nullopt);
  const auto before = one.update(election.counts);
  other.update(election.counts);
  const std::vector<PublicCounts::Stored> history = election.counts.events;
  election.set_votes({1, 0});
  const PublicCounts later = next_reading(election, 1'000);
  EXPECT_GT(one.update(later)->number, before->number);
  SnapshotBuilder restarted(std::nullopt);
  PublicCounts from_the_start = next_reading(election, 1'000);
  from_the_start.events = history;
  EXPECT_GT(restarted.update(from_the_start)->number, before->number);
}

TEST(SnapshotBuilder, AnEventWithAForeignSignatureIsAProblemAndHidesTheResult) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  election.set_votes({1, 2});
  election.counts.events.back().event.signature =
      OfficePrivateKey::generate().sign(election.counts.events.back().event.data);
  SnapshotBuilder builder(election.office.public_key());
  const auto snapshot = builder.update(election.counts);
  EXPECT_FALSE(view_of(snapshot).problem.empty());
  EXPECT_FALSE(view_of(snapshot).results.tally);
  EXPECT_EQ(view_of(snapshot).phase, Phase::kOpen);
}

TEST(SnapshotBuilder, AGapInTheHistoryIsAProblem) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  election.counts.events.erase(election.counts.events.begin() + 1);
  SnapshotBuilder builder(std::nullopt);
  EXPECT_FALSE(view_of(builder.update(election.counts)).problem.empty());
}

TEST(SnapshotBuilder, AnElectionWhoseFirstEventCannotBeVerifiedIsListedWithTheReason) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  SnapshotBuilder builder(OfficePrivateKey::generate().public_key());
  const auto snapshot = builder.update(election.counts);
  EXPECT_TRUE(snapshot->elections.empty()) << "because its definition may be anybody's";
  EXPECT_EQ(snapshot->unverified.at(12), "the signature of an event is not the election office's");
  EXPECT_EQ(builder.update(next_reading(election, 1'000)), snapshot);
}

TEST(SnapshotBuilder, AnEventThatIsNoEventIsAProblem) {
  FakeElection election(two_choices());
  election.counts.events[0].event.data = "{}";
  SnapshotBuilder builder(std::nullopt);
  EXPECT_FALSE(builder.update(election.counts)->unverified.at(12).empty());
}

TEST(SnapshotBuilder, EventsOfOneElectionUnderTheNumberOfAnotherAreAProblem) {
  FakeElection election(two_choices());
  election.counts.events[0].election = 13;
  SnapshotBuilder builder(election.office.public_key());
  const auto snapshot = builder.update(election.counts);
  EXPECT_TRUE(snapshot->elections.empty());
  EXPECT_EQ(snapshot->unverified.at(13), "an event belongs to election 12");
}

TEST(SnapshotBuilder, AHistoryWhoseLastEventsAreMissingIsAProblem) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  election.counts.events.pop_back();
  SnapshotBuilder builder(election.office.public_key());
  const auto snapshot = builder.update(election.counts);
  EXPECT_EQ(view_of(snapshot).problem, "2 events were read, and there must be 3");

  election.counts.events.clear();
  SnapshotBuilder without_any(election.office.public_key());
  EXPECT_EQ(without_any.update(election.counts)->unverified.at(12),
            "0 events were read, and there must be 3");
}

TEST(SnapshotBuilder, AHistoryThatIsCompletedLaterIsVerified) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  PublicCounts all = election.counts;
  election.counts.events.pop_back();
  SnapshotBuilder builder(election.office.public_key());
  EXPECT_FALSE(view_of(builder.update(election.counts)).problem.empty());
  all.events.erase(all.events.begin());
  const auto snapshot = builder.update(all);
  EXPECT_EQ(view_of(snapshot).problem, "");
  EXPECT_EQ(view_of(snapshot).phase, Phase::kOpen);
}

TEST(SnapshotBuilder, ReadsEveryEventOnce) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  SnapshotBuilder builder(std::nullopt);
  EXPECT_TRUE(builder.known().empty());
  builder.update(election.counts);
  EXPECT_EQ(builder.known().at(12), 2);
}

TEST(SnapshotBuilder, EventsAfterAProblemAreNotReadAgain) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  SnapshotBuilder builder(OfficePrivateKey::generate().public_key());
  builder.update(election.counts);
  EXPECT_EQ(builder.known().at(12), 3);
}

TEST(SnapshotBuilder, ASealedResultHasTheTimeOfItsLastEventSoThatExportsAreTheSame) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  Event seal{.kind = EventKind::kSeal};
  seal.marks = 3;
  election.add(std::move(seal));
  election.set_votes({1, 2});
  SnapshotBuilder one(std::nullopt);
  SnapshotBuilder other(std::nullopt);
  const auto first = one.update(election.counts);
  election.counts.now_utc_ms += 90'000;
  EXPECT_EQ(view_of(first).results.as_of_utc_ms,
            view_of(other.update(election.counts)).results.as_of_utc_ms);
}

}  // namespace
}  // namespace pollbus::election_board
