#include "voting_machine/ballot_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/tracking_code.h"
#include "election/voter_code.h"

namespace pollbus::voting_machine {
namespace {

using Stage = BallotSession::Stage;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Definition contest(std::int64_t election, Eligibility eligibility = Eligibility::kOpen) {
  Definition definition;
  definition.election = election;
  definition.title = {{"en", "Contest"}};
  definition.choices = {{0, {{"en", "Ada"}}}, {4, {{"en", "Alan"}}}};
  definition.eligibility = eligibility;
  return definition;
}

// A session at the first of two contests.
BallotSession at_contest() {
  BallotSession session("a");
  EXPECT_TRUE(session.start({contest(12), contest(13)}));
  EXPECT_TRUE(session.identify("43"));
  return session;
}

BallotSession at_review(std::optional<std::int64_t> first, std::optional<std::int64_t> second) {
  BallotSession session = at_contest();
  EXPECT_TRUE(session.choose(0, first));
  EXPECT_TRUE(session.next());
  EXPECT_TRUE(session.choose(1, second));
  EXPECT_TRUE(session.next());
  EXPECT_EQ(session.stage(), Stage::kReview);
  return session;
}

TEST(BallotSessionTest, LeadsThroughAllContestsToOneVoteEach) {
  BallotSession session = at_review(4, 0);
  const auto votes = session.cast(3, 1'000);
  ASSERT_THAT(votes, SizeIs(2));
  EXPECT_EQ(votes[0].election, 12);
  EXPECT_EQ(votes[0].voter, 43);
  EXPECT_EQ(votes[0].choice, 4);
  EXPECT_EQ(votes[0].machine, 3);
  EXPECT_EQ(votes[0].code, std::nullopt);
  EXPECT_EQ(votes[1].election, 13);
  EXPECT_EQ(votes[1].choice, 0);
  EXPECT_NE(votes[0].uuid, votes[1].uuid);
  EXPECT_EQ(session.lines()[0].tracking, tracking_code(12, votes[0].uuid));
  EXPECT_EQ(session.stage(), Stage::kAnswer);
}

TEST(BallotSessionTest, ASecondCastOfTheSameSessionCastsNothing) {
  BallotSession session = at_review(4, 0);
  session.cast(3, 1'000);
  EXPECT_THAT(session.cast(3, 1'000), IsEmpty());
}

TEST(BallotSessionTest, AfterTheCastNeitherChoiceNorCodeIsKept) {
  BallotSession session = at_review(4, 0);
  session.cast(3, 1'000);
  for (const auto& line : session.lines()) EXPECT_EQ(line.choice, std::nullopt);
}

TEST(BallotSessionTest, AContestLeftBlankCastsNoVote) {
  BallotSession session = at_review(std::nullopt, 0);
  ASSERT_THAT(session.cast(3, 1'000), SizeIs(1));
  EXPECT_TRUE(session.lines()[0].is_blank);
  EXPECT_EQ(session.lines()[0].state, VoteState::kNotCast);
}

TEST(BallotSessionTest, ABallotWithoutAnyChoiceCannotBeCast) {
  BallotSession session = at_review(std::nullopt, std::nullopt);
  EXPECT_THAT(session.cast(3, 1'000), IsEmpty());
  EXPECT_EQ(session.stage(), Stage::kReview);
}

TEST(BallotSessionTest, AChoiceCanBeChangedAfterTheReviewAndIsReviewedAgain) {
  BallotSession session = at_review(4, 0);
  const std::string uuid = session.lines()[0].uuid;
  ASSERT_TRUE(session.change(0));
  ASSERT_TRUE(session.choose(0, 0));
  ASSERT_TRUE(session.next());
  EXPECT_EQ(session.stage(), Stage::kReview);
  EXPECT_NE(session.lines()[0].uuid, uuid);
  EXPECT_EQ(session.cast(3, 1'000)[0].choice, 0);
}

TEST(BallotSessionTest, OnlyTheContestShownAndItsChoicesAreAccepted) {
  BallotSession session = at_contest();
  EXPECT_FALSE(session.choose(0, 1));
  EXPECT_FALSE(session.choose(1, 0));
  EXPECT_FALSE(session.change(1));
  EXPECT_THAT(session.cast(3, 1'000), IsEmpty());
  EXPECT_FALSE(session.start({contest(12)}));
}

TEST(BallotSessionTest, EachStepHasARevisionOfItsOwn) {
  BallotSession session = at_contest();
  const std::int64_t before = session.revision();
  ASSERT_TRUE(session.next());
  EXPECT_GT(session.revision(), before);
}

TEST(BallotSessionTest, BackLeadsToTheStepBefore) {
  BallotSession session = at_contest();
  ASSERT_TRUE(session.next());
  ASSERT_TRUE(session.back());
  EXPECT_EQ(session.at(), 0);
  ASSERT_TRUE(session.back());
  EXPECT_EQ(session.stage(), Stage::kIdentify);
  EXPECT_FALSE(session.back());
}

TEST(BallotSessionTest, ACodeNamesTheVoterAndTravelsWithTheVotesThatNeedIt) {
  const VoterCode code = random_voter_code(77);
  BallotSession session("a");
  ASSERT_TRUE(session.start({contest(12, Eligibility::kCodes), contest(13)}));
  EXPECT_TRUE(session.needs_code());
  ASSERT_TRUE(session.identify(format_voter_code(code)));
  for (std::size_t i : {0, 1}) {
    ASSERT_TRUE(session.choose(i, 0));
    ASSERT_TRUE(session.next());
  }
  const auto votes = session.cast(3, 1'000);
  ASSERT_THAT(votes, SizeIs(2));
  EXPECT_EQ(votes[0].voter, 77);
  EXPECT_EQ(votes[0].code, format_voter_code(code));
  EXPECT_EQ(votes[1].voter, 77);
  EXPECT_EQ(votes[1].code, std::nullopt);
}

TEST(BallotSessionTest, AMistypedCodeIsAskedForAgain) {
  BallotSession session("a");
  ASSERT_TRUE(session.start({contest(12, Eligibility::kCodes)}));
  for (const char* text : {"", "0000", "not a code at all", "43"}) {
    session.identify(text);
    EXPECT_EQ(session.stage(), Stage::kIdentify) << text;
    EXPECT_EQ(session.notice(), "kiosk.code.wrong") << text;
  }
}

TEST(BallotSessionTest, AVoterNumberIsAnIdOfDigits) {
  BallotSession session("a");
  ASSERT_TRUE(session.start({contest(12)}));
  for (const char* text : {"", "abc", "-1", "9007199254740992", "1e3"}) {
    session.identify(text);
    EXPECT_EQ(session.stage(), Stage::kIdentify) << text;
    EXPECT_EQ(session.notice(), "kiosk.voter.wrong") << text;
  }
  session.identify(" 43 ");
  EXPECT_EQ(session.stage(), Stage::kContest);
}

TEST(BallotSessionTest, AnAnswerIsFinalAndATimeOutIsNot) {
  BallotSession session = at_review(4, std::nullopt);
  const std::string uuid = session.cast(3, 1'000)[0].uuid;
  EXPECT_TRUE(session.is_sending());
  EXPECT_TRUE(session.set_state(uuid, VoteState::kKept, ""));
  EXPECT_FALSE(session.is_sending());
  EXPECT_FALSE(session.is_everything_answered());
  EXPECT_TRUE(session.set_state(uuid, VoteState::kRecorded, ""));
  EXPECT_TRUE(session.is_everything_answered());
  EXPECT_FALSE(session.set_state(uuid, VoteState::kRejected, "late"));
  EXPECT_FALSE(session.set_state("another vote", VoteState::kRecorded, ""));
}

TEST(BallotSessionTest, EveryStateHasATextThatIsReadBack) {
  for (int i = 0; i <= static_cast<int>(VoteState::kUnknown); ++i)
    EXPECT_EQ(parse_vote_state(to_text(static_cast<VoteState>(i))), static_cast<VoteState>(i));
  EXPECT_EQ(parse_vote_state("lost"), std::nullopt);
}

}  // namespace
}  // namespace pollbus::voting_machine
