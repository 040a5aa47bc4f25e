#include "election/election_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "election/election_test_events.h"

namespace pollbus {
namespace {

using enum EventKind;
using testing::HasSubstr;

// Applies all of them, and expects that they are allowed.
EventWriter after(Definition definition, const std::vector<EventKind>& kinds) {
  EventWriter writer(std::move(definition));
  for (const EventKind kind : kinds) {
    const absl::Status status = writer.apply(kind);
    EXPECT_TRUE(status.ok()) << to_text(kind) << ": " << status;
  }
  return writer;
}

TEST(ElectionState, AnElectionGoesThroughAllItsPhases) {
  EventWriter writer(test_definition("roll"));
  const std::vector<std::pair<EventKind, Phase>> steps = {
      {kDefine, Phase::kDefined}, {kRoll, Phase::kDefined},     {kOpen, Phase::kOpen},
      {kPause, Phase::kPaused},   {kResume, Phase::kOpen},      {kClose, Phase::kClosed},
      {kSeal, Phase::kSealed},    {kCertify, Phase::kCertified}};
  for (const auto& [kind, phase] : steps) {
    ASSERT_TRUE(writer.apply(kind).ok()) << to_text(kind);
    EXPECT_EQ(writer.state->phase, phase);
  }
  EXPECT_EQ(writer.state->sequence, 8);
  EXPECT_EQ(writer.state->marks, 5);
  EXPECT_EQ(writer.state->tally.size(), 2);
}

TEST(ElectionState, OnlyTheTransitionsOfTheTableAreAllowed) {
  const Definition definition = test_definition("open");
  const std::map<Phase, std::vector<EventKind>> ways = {
      {Phase::kDefined, {kDefine}},
      {Phase::kOpen, {kDefine, kOpen}},
      {Phase::kPaused, {kDefine, kOpen, kPause}},
      {Phase::kClosed, {kDefine, kOpen, kClose}},
      {Phase::kSealed, {kDefine, kOpen, kClose, kSeal}},
      {Phase::kCertified, {kDefine, kOpen, kClose, kSeal, kCertify}}};
  const std::map<Phase, std::set<EventKind>> allowed = {
      {Phase::kDefined, {kOpen}},          {Phase::kOpen, {kPause, kClose}},
      {Phase::kPaused, {kResume, kClose}}, {Phase::kClosed, {kSeal}},
      {Phase::kSealed, {kCertify}},        {Phase::kCertified, {}}};
  for (const auto& [phase, way] : ways) {
    for (const EventKind kind :
         {kDefine, kRoll, kAddVoter, kOpen, kPause, kResume, kExtend, kClose, kSeal, kCertify}) {
      EventWriter writer = after(definition, way);
      ASSERT_EQ(writer.state->phase, phase);
      const absl::Status status = writer.apply(kind);
      EXPECT_EQ(status.ok(), allowed.at(phase).contains(kind))
          << to_text(kind) << " in " << to_text(phase) << ": " << status;
      EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status));
    }
  }
}

TEST(ElectionState, TheChainDecidesWhichEventComesNext) {
  EventWriter writer = after(test_definition("open"), {kDefine, kOpen});
  const std::string last = encode(writer.next(kPause));
  ASSERT_TRUE(writer.apply(kPause).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(apply_event(writer.state, last).status()));

  Event event = writer.next(kResume);
  event.sequence += 1;
  EXPECT_THAT(std::string(writer.apply(event).message()), HasSubstr("event 4 is missing"));
  event.sequence = 3;
  EXPECT_THAT(std::string(writer.apply(event).message()), HasSubstr("older"));
  event = writer.next(kResume);
  event.previous = {};
  EXPECT_THAT(std::string(writer.apply(event).message()), HasSubstr("does not follow"));
  event = writer.next(kResume);
  event.election = 13;
  EXPECT_THAT(std::string(writer.apply(event).message()), HasSubstr("another election"));
  EXPECT_TRUE(writer.apply(kResume).ok());
}

TEST(ElectionState, TheFirstEventDefinesTheElection) {
  EventWriter writer(test_definition("open"));
  EXPECT_FALSE(writer.apply(kOpen).ok());
  Event second = writer.next(kDefine);
  second.sequence = 2;
  EXPECT_THAT(std::string(writer.apply(second).message()), HasSubstr("not defined"));
  Event follower = writer.next(kDefine);
  follower.previous = {1};
  EXPECT_FALSE(writer.apply(follower).ok());
  EXPECT_TRUE(writer.apply(kDefine).ok());
}

TEST(ElectionState, AnElectionOpensAndClosesByItselfAtItsTimes) {
  const EventWriter writer =
      after(test_definition("open", R"("opens":"2026-12-01T13:00","closes":"2026-12-01T14:00")"),
            {kDefine});
  EXPECT_EQ(phase_at(*writer.state, kNoon + kHour - 1), Phase::kDefined);
  EXPECT_EQ(phase_at(*writer.state, kNoon + kHour), Phase::kOpen);
  EXPECT_EQ(phase_at(*writer.state, kNoon + 2 * kHour - 1), Phase::kOpen);
  EXPECT_EQ(phase_at(*writer.state, kNoon + 2 * kHour), Phase::kClosed);
}

TEST(ElectionState, WithoutItsRollAnElectionDoesNotOpenByItself) {
  EventWriter writer = after(test_definition("roll", R"("opens":"2026-12-01T11:00")"), {kDefine});
  EXPECT_EQ(phase_at(*writer.state, kNoon), Phase::kDefined);
  EXPECT_THAT(std::string(writer.apply(kOpen).message()), HasSubstr("needs a roll"));
  ASSERT_TRUE(writer.apply(kRoll).ok());
  EXPECT_EQ(phase_at(*writer.state, kNoon), Phase::kOpen);
}

TEST(ElectionState, APauseHoldsUntilResumeOrTheClosingTime) {
  EventWriter writer =
      after(test_definition("open", R"("closes":"2026-12-01T14:00")"), {kDefine, kOpen, kPause});
  EXPECT_EQ(phase_at(*writer.state, kNoon + kHour), Phase::kPaused);
  EXPECT_EQ(phase_at(*writer.state, kNoon + 2 * kHour), Phase::kClosed);
  EXPECT_FALSE(writer.apply(kResume, kNoon + 2 * kHour).ok());
  EXPECT_TRUE(writer.apply(kResume, kNoon + kHour).ok());
}

TEST(ElectionState, AnElectionThatOpenedByItselfCanBePausedAndNotOpenedAgain) {
  EventWriter writer = after(test_definition("open", R"("opens":"2026-12-01T11:00")"), {kDefine});
  EXPECT_THAT(std::string(writer.apply(kOpen).message()), HasSubstr("the election is open"));
  EXPECT_TRUE(writer.apply(kPause).ok());
}

TEST(ElectionState, TheClosingTimeCanBeMovedToALaterTimeUntilItHasPassed) {
  EventWriter writer =
      after(test_definition("open", R"("closes":"2026-12-01T12:30")"), {kDefine, kOpen});
  Event earlier = writer.next(kExtend);
  earlier.closes = ZonedTime{"2026-12-01T12:10", kNoon + kHour / 6};
  EXPECT_THAT(std::string(writer.apply(earlier).message()), HasSubstr("later"));
  EXPECT_FALSE(writer.apply(kExtend, kNoon + kHour).ok());
  ASSERT_TRUE(writer.apply(kExtend).ok());
  EXPECT_EQ(phase_at(*writer.state, kNoon + kHour - 1), Phase::kOpen);
  EXPECT_EQ(phase_at(*writer.state, kNoon + kHour), Phase::kClosed);
}

TEST(ElectionState, AnElectionWithoutAClosingTimeCannotBeExtended) {
  EventWriter writer = after(test_definition("open"), {kDefine, kOpen});
  EXPECT_THAT(std::string(writer.apply(kExtend).message()), HasSubstr("no closing time"));
}

TEST(ElectionState, ClosedByItsTimeItStillNeedsACloseEventBeforeItIsSealed) {
  EventWriter writer =
      after(test_definition("open", R"("closes":"2026-12-01T12:30")"), {kDefine, kOpen});
  EXPECT_THAT(std::string(writer.apply(kSeal, kNoon + kHour).message()),
              HasSubstr("closed with close first"));
  EXPECT_TRUE(writer.apply(kClose, kNoon + kHour).ok());
  EXPECT_TRUE(writer.apply(kSeal, kNoon + kHour).ok());
}

TEST(ElectionState, TheRollCanBeReplacedUntilTheElectionOpens) {
  EventWriter writer = after(test_definition("roll"), {kDefine, kRoll, kAddVoter});
  EXPECT_EQ(writer.state->voters(), 4);
  EXPECT_THAT(std::string(writer.apply(kRoll).message()), HasSubstr("imported already"));
  Event other = writer.next(kRoll);
  other.roll = RollSummary{.count = 9, .hash = {2}, .chunks = 1};
  ASSERT_TRUE(writer.apply(other).ok());
  EXPECT_EQ(writer.state->voters(), 9);
  ASSERT_TRUE(writer.apply(kOpen).ok());
  other = writer.next(kRoll);
  other.roll->hash = {3};
  EXPECT_THAT(std::string(writer.apply(other).message()), HasSubstr("add-voter"));
}

TEST(ElectionState, AVoterIsAddedAfterTheRollUntilTheElectionIsClosed) {
  EventWriter writer = after(test_definition("codes"), {kDefine});
  EXPECT_FALSE(writer.apply(kAddVoter).ok());
  ASSERT_TRUE(writer.apply(kRoll).ok());
  EXPECT_TRUE(writer.apply(kAddVoter).ok());
  ASSERT_TRUE(writer.apply(kOpen).ok());
  ASSERT_TRUE(writer.apply(kClose).ok());
  EXPECT_THAT(std::string(writer.apply(kAddVoter).message()), HasSubstr("closed"));
}

TEST(ElectionState, AnElectionThatIsOpenToEveryoneHasNoRoll) {
  EventWriter writer = after(test_definition("open"), {kDefine});
  EXPECT_THAT(std::string(writer.apply(kRoll).message()), HasSubstr("open to everyone"));
  EXPECT_THAT(std::string(writer.apply(kAddVoter).message()), HasSubstr("open to everyone"));
}

TEST(ElectionState, TheCertifiedTallyMustHaveEveryChoiceAndAsManyVotesAsMarks) {
  EventWriter writer = after(test_definition("open"), {kDefine, kOpen, kClose, kSeal});
  const std::vector<std::vector<ChoiceCount>> wrong = {
      {}, {{0, 5}}, {{5, 2}, {0, 3}}, {{0, 3}, {5, 3}}, {{0, 3}, {5, 2}, {6, 0}}};
  for (const auto& tally : wrong) {
    Event event = writer.next(kCertify);
    event.tally = tally;
    EXPECT_FALSE(writer.apply(event).ok());
  }
  Event event = writer.next(kCertify);
  event.marks = 6;
  EXPECT_FALSE(writer.apply(event).ok());
  EXPECT_TRUE(writer.apply(kCertify).ok());
}

TEST(ElectionState, TheRecorderAlsoAsksWithItsOwnClock) {
  const EventWriter writer =
      after(test_definition("open", R"("closes":"2026-12-01T12:30")"), {kDefine, kOpen});
  const Event extend = writer.next(kExtend);  // written before the closing time…
  EXPECT_TRUE(check_transition(*writer.state, extend, kNoon).ok());
  EXPECT_FALSE(check_transition(*writer.state, extend, kNoon + kHour).ok());  // …and arrived late
}

TEST(ElectionState, AHistoryIsReplayedOnlyWithTheOfficesSignatures) {
  const auto office = OfficePrivateKey::generate();
  EventWriter writer(test_definition("open"));
  std::vector<SignedEvent> history;
  for (const EventKind kind : {kDefine, kOpen, kClose}) {
    const std::string data = encode(writer.next(kind));
    history.push_back({data, office.sign(data)});
    ASSERT_TRUE(writer.apply(kind).ok());
  }
  EXPECT_EQ(replay(history, office.public_key())->phase, Phase::kClosed);
  EXPECT_TRUE(absl::IsNotFound(replay({}, office.public_key()).status()));
  const auto other = OfficePrivateKey::generate();
  EXPECT_TRUE(absl::IsUnauthenticated(replay(history, other.public_key()).status()));
  std::swap(history[1], history[2]);
  EXPECT_TRUE(absl::IsFailedPrecondition(replay(history, office.public_key()).status()));
}

}  // namespace
}  // namespace pollbus
