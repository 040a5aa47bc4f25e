#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "election/receipt.h"
#include "faults/checker/judge.h"
#include "faults/checker/pseudonym.h"
#include "faults/checker/recovery.h"
#include "faults/checker/report.h"

namespace pollbus::faults {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

HashKey key(char digit) { return *HashKey::parse(std::string(64, digit)); }

std::string uuid(int number) { return fmt::format("6ba7b810-9dad-41d1-80b4-{:012}", number); }

// An election of machine 3 without violations, which tests then spoil: votes 1 and 2 of voters 1
// and 2 are accepted, vote 3 of voter 1 is not.
class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    accept(1, 1, 4);
    accept(2, 2, 5);
    cast(3, 1, 4);
    answer(3, "Already Voted!!!");
  }

  void add(const std::string& line) { ASSERT_TRUE(evidence.add(line).ok()) << line; }
  SubmittedVote vote(int number, std::int64_t voter, std::int64_t choice) const {
    return {.election = 12, .machine = 3, .voter = voter, .choice = choice, .uuid = uuid(number)};
  }
  void cast(int number, std::int64_t voter, std::int64_t choice, const char* event = "cast") {
    add(fmt::format(R"({{"event":"{}","t_us":{},"election":12,"machine":3,"uuid":"{}",)"
                    R"("voter":"{}","choice":{}}})",
                    event, ++now_us, uuid(number), to_hex(pseudonym(keys.pseudonyms, 12, voter)),
                    choice));
  }
  void answer(int number, const std::string& result, int machine = 3, bool ends = true) {
    add(fmt::format(R"({{"event":"answered","t_us":{},"machine":{},"uuid":"{}","result":"{}",)"
                    R"("ends":{}}})",
                    ++now_us, machine, uuid(number), result, ends));
  }
  void store(int number, std::int64_t choice, const std::string& more = "") {
    const AnonymousVote stored{.election = 12, .uuid = uuid(number)};
    add(fmt::format(R"({{"event":"receipt","election":12,"receipt":"{}"{}}})",
                    to_hex(receipt(stored.election, stored.uuid)), more));
    add(fmt::format(R"({{"event":"rows","election":12,"machine":3,"choice":{},"count":1}})",
                    choice));
  }
  void mark(int number, std::int64_t voter, std::int64_t choice) {
    add(fmt::format(R"({{"event":"mark","election":12,"voter":{},"fingerprint":"{}"}})", voter,
                    to_hex(fingerprint(keys.logger, vote(number, voter, choice)))));
  }
  void accept(int number, std::int64_t voter, std::int64_t choice) {
    cast(number, voter, choice);
    mark(number, voter, choice);
    store(number, choice);
    answer(number, "successful");
  }
  void expect_broken(const std::string& invariant, const std::string& what) {
    EXPECT_THAT(judge(evidence, keys).violations,
                Contains(AllOf(Field(&Violation::invariant, invariant),
                               Field(&Violation::what, HasSubstr(what)))));
  }

  Keys keys{.logger = key('1'), .pseudonyms = key('2')};
  Evidence evidence;
  std::int64_t now_us = 0;
};

TEST_F(JudgeTest, AnElectionThatWentWellBreaksNothing) {
  const Judgement judgement = judge(evidence, keys);
  EXPECT_THAT(judgement.violations, IsEmpty());
  EXPECT_EQ(judgement.votes, 3);
  EXPECT_EQ(judgement.successful, 2);
  EXPECT_EQ(judgement.already_voted, 1);
}

TEST_F(JudgeTest, ASuccessThatIsNotStoredBreaksI1) {
  cast(4, 4, 4);
  answer(4, "successful");
  expect_broken("I1", "is not stored");
}

TEST_F(JudgeTest, ASuccessBeforeItIsStoredBreaksI1) {
  cast(4, 4, 4);
  answer(4, "successful");
  mark(4, 4, 4);
  store(4, 4, fmt::format(R"(,"t_us":{})", now_us + 1));
  expect_broken("I1", "before it was stored");
}

TEST_F(JudgeTest, ARowOfNobodyBreaksI2) {
  add(R"({"event":"rows","election":12,"machine":3,"choice":0,"count":1})");
  expect_broken("I2", "1 rows of election 12, machine 3, choice 0, cast 0 times");
}

TEST_F(JudgeTest, AReceiptOfNobodyBreaksI2) {
  store(9, 4);
  expect_broken("I2", "is no cast vote's");
}

TEST_F(JudgeTest, ARowWithoutAReceiptBreaksI3) {
  add(R"({"event":"rows","election":12,"machine":3,"choice":4,"count":1})");
  expect_broken("I3", "3 rows, 2 receipts");
  expect_broken("I7", "2 rows of election 12, machine 3, choice 4, accepted 1 times");
}

TEST_F(JudgeTest, TwoStoredVotesOfOneVoterBreakI3) {
  accept(4, 1, 5);
  expect_broken("I3", "second stored vote");
}

// The election opens before vote 1 is cast, and the tests close it.
class LifeTest : public JudgeTest {
 protected:
  LifeTest() { step(0, 0, true); }
  void step(std::int64_t begun_us, std::int64_t t_us, bool is_open) {
    add(fmt::format(R"({{"event":"step","election":12,"begun_us":{},"t_us":{},"is_open":{}}})",
                    begun_us, t_us, is_open));
  }
  void reject(int number, const std::string& reason) {
    add(fmt::format(R"({{"event":"answered","t_us":{},"machine":3,"uuid":"{}",)"
                    R"("result":"Rejected","ends":true,"reason":"{}"}})",
                    ++now_us, uuid(number), reason));
  }
};

TEST_F(LifeTest, AVoteThatCountsAlthoughItWasCastAfterTheCloseBreaksI8) {
  step(now_us + 1, now_us + 2, false);
  now_us += 2;
  accept(4, 4, 4);
  expect_broken("I8", "counts although the election was not open");
}

TEST_F(LifeTest, AVoteThatIsCastWhileTheElectionIsBeingClosedMayCountOrNot) {
  step(now_us + 1, now_us + 100, false);
  accept(4, 4, 4);
  cast(5, 5, 4);
  reject(5, "the election is closed");
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
}

TEST_F(LifeTest, AVoteThatIsRefusedWhileTheElectionIsOpenBreaksI8) {
  cast(4, 4, 4);
  reject(4, "the election is closed");
  step(now_us + 1, now_us + 2, false);
  expect_broken("I8", "was rejected although the election was open");
}

TEST_F(LifeTest, AMarkThatIsMadeAfterTheCloseBreaksI8) {
  cast(4, 4, 4);
  ++now_us;
  step(now_us, now_us, false);
  add(fmt::format(R"({{"event":"mark","election":12,"voter":4,"fingerprint":"{}","t_us":{}}})",
                  to_hex(fingerprint(keys.logger, vote(4, 4, 4))), now_us + 1));
  store(4, 4);
  now_us += 2;
  answer(4, "successful");
  expect_broken("I8", "marked its voter while the election was not open");
}

TEST_F(LifeTest, AVoteThatTheRollForbidsBreaksI8IfItCounts) {
  add(fmt::format(R"({{"event":"cast","t_us":{},"election":12,"machine":3,"uuid":"{}",)"
                  R"("voter":"{}","choice":4,"eligible":"no"}})",
                  ++now_us, uuid(4), to_hex(pseudonym(keys.pseudonyms, 12, 4))));
  mark(4, 4, 4);
  store(4, 4);
  answer(4, "successful");
  expect_broken("I8", "counts although the roll");
}

TEST_F(LifeTest, AnEligibleVoteThatIsRefusedForItsCodeBreaksI8) {
  cast(4, 4, 4);
  reject(4, "the code is wrong");
  expect_broken("I8", "was rejected although its voter may vote");
}

TEST_F(LifeTest, RowsThatAreNotThoseOfTheSealBreakI8AndAWrongCertificateBreaksI7) {
  add(R"({"event":"sealed","election":12,"t_us":99,"votes":3})");
  expect_broken("I8", "sealed with 3 votes and has 2 rows");
  add(R"({"event":"told","election":12,"by":"the board","choice":5,"votes":2})");
  expect_broken("I7", "choice 5 of election 12 has 1 rows, and the board says 2");
}

TEST_F(JudgeTest, AlreadyVotedWhereNobodyHasBreaksI4) {
  cast(4, 4, 4);
  answer(4, "Already Voted!!!");
  expect_broken("I4", "no vote of its voter is stored");
}

TEST_F(JudgeTest, AlreadyVotedForTheVoteThatWonBreaksI4) {
  cast(4, 4, 4);
  mark(4, 4, 4);
  store(4, 4);
  answer(4, "Already Voted!!!");
  expect_broken("I4", "is stored itself");
}

TEST_F(JudgeTest, AMarkWithoutARowBreaksI5) {
  mark(4, 4, 4);
  expect_broken("I5", "2 rows, 0 refused votes, 3 marks");
}

TEST_F(JudgeTest, AMarkOfAnotherVoteBreaksI5) {
  cast(4, 4, 4);
  cast(5, 4, 4);
  mark(5, 4, 4);
  store(4, 4);
  expect_broken("I5", "mark is that of another vote");
}

TEST_F(JudgeTest, AVoteWithoutAnAnswerBreaksI6) {
  cast(4, 4, 4);
  expect_broken("I6", "was never answered");
}

TEST_F(JudgeTest, AnAnswerThatDidNotEndItsVoteBreaksI6) {
  cast(4, 1, 4);
  answer(4, "Already Voted!!!", 3, /*ends=*/false);
  expect_broken("I6", "pending in spite of its answer");
}

TEST_F(JudgeTest, AVoteFoundInTheJournalIsToBeAnsweredAgain) {
  cast(1, 1, 4, "recovered");
  expect_broken("I6", "pending");
  answer(1, "successful");
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
}

TEST_F(JudgeTest, AnswersThatContradictEachOtherBreakI6) {
  answer(1, "Already Voted!!!", 3, false);
  expect_broken("I6", "contradict");
}

TEST_F(JudgeTest, AnAnswerToAnotherMachineBreaksI6) {
  answer(1, "successful", 7, false);
  expect_broken("I6", "answered to machine 7");
}

TEST_F(JudgeTest, AnAcceptedVoteWithTheContentOfAnotherBreaksI7) {
  cast(4, 4, 4);
  mark(4, 4, 4);
  store(4, 5);
  answer(4, "successful");
  expect_broken("I7", "1 rows of election 12, machine 3, choice 4, accepted 2 times");
}

TEST_F(JudgeTest, BadMessagesAreQuarantinedAndGoodOnesAreNot) {
  add(R"({"event":"poison","t_us":1,"id":"7"})");
  expect_broken("bad input", "was not quarantined");
  add(R"({"event":"notice","t_us":2,"id":"7","reason":"voting is missing"})");
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
  add(R"({"event":"notice","t_us":2,"id":"8","reason":"voting is missing"})");
  expect_broken("bad input", "was good");
}

TEST_F(JudgeTest, AVoteThatAFaultHadRefusedMayBeRejectedAndLeaveItsMark) {
  cast(4, 4, 4);
  mark(4, 4, 4);
  answer(4, "Rejected");
  cast(5, 4, 4);
  answer(5, "Already Voted!!!");
  add(fmt::format(R"({{"event":"refusable","uuid":"{}"}})", uuid(4)));
  add(R"({"event":"refusable","id":"17"})");
  add(R"({"event":"notice","t_us":2,"id":"17","reason":"the database refuses this vote"})");
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
  store(4, 4);
  expect_broken("I6", "was rejected and is stored");
}

TEST_F(JudgeTest, ADifferentVoteUnderAKnownUuidMustNotBeAnsweredSuccessful) {
  add(fmt::format(R"({{"event":"forged success","uuid":"{}"}})", uuid(1)));
  expect_broken("I1", "a different vote was answered successful");
}

TEST_F(JudgeTest, AVoteThatIsErasedBeforeItsAnswerBreaksI6) {
  cast(4, 1, 4);
  add(fmt::format(R"({{"event":"erased","t_us":{},"machine":3,"uuid":"{}"}})", ++now_us, uuid(4)));
  answer(4, "Already Voted!!!");
  expect_broken("I6", "was erased from its machine's journal before it was answered");
}

TEST_F(JudgeTest, AVoteThatIsLeftInAJournalBreaksI6) {
  cast(3, 1, 4, "left");
  expect_broken("I6", "is still in its machine's journal");
}

TEST_F(JudgeTest, AVoteInTheJournalOfAnEndedMachineNeedsOnlyTheAnswerItHas) {
  cast(3, 1, 4, "kept");
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
  cast(4, 1, 4, "kept");
  expect_broken("I6", "was never answered");
}

TEST_F(JudgeTest, AnAnswerMayBeSeenBeforeItsVote) {
  answer(4, "Already Voted!!!");
  cast(4, 1, 4);
  EXPECT_THAT(judge(evidence, keys).violations, IsEmpty());
  answer(5, "Already Voted!!!");
  expect_broken("I6", "no machine cast it");
}

TEST_F(JudgeTest, AVoteThatIsRejectedIsBadInput) {
  cast(4, 4, 4);
  answer(4, "Rejected");
  expect_broken("bad input", "rejected");
}

TEST_F(JudgeTest, TheStoryOfAVoteIncludesOtherVotesOfItsVoter) {
  add(R"({"event":"fault","t_us":2,"id":1,"kind":"kill -9","target":"recorder-2"})");
  add(R"({"event":"heal","t_us":3,"id":1})");
  evidence.sort();
  const std::string story = story_of(evidence, keys, uuid(3));
  for (const std::string& part :
       {"casts " + uuid(3), "is answered Already Voted!!! for " + uuid(3), "casts " + uuid(1),
        uuid(1) + " is stored", std::string("its voter is marked"),
        std::string("fault 1: kill -9 recorder-2, healed at 0.003 ms")}) {
    EXPECT_THAT(story, HasSubstr(part));
  }
  EXPECT_THAT(story, Not(HasSubstr(uuid(2))));
}

TEST_F(JudgeTest, TheReportNamesEachViolation) {
  cast(4, 4, 4);
  const Judgement judgement = judge(evidence, keys);
  const Recoveries recoveries = recoveries_of(evidence);
  const std::string text = to_text(evidence, keys, judgement, recoveries);
  EXPECT_THAT(text, HasSubstr("BROKEN I6: " + uuid(4) + " was never answered"));
  EXPECT_THAT(text, HasSubstr("casts " + uuid(4)));
  EXPECT_THAT(to_json(evidence, judgement, recoveries), HasSubstr("\"invariant\":\"I6\""));
}

TEST(EvidenceTest, ALineThatCannotBeUnderstoodIsAnErrorUnlessItWasCutOff) {
  Evidence evidence;
  std::istringstream bad("{\"event\":\"poison\",\"t_us\":1,\"id\":\"7\"}\n{\"event\":\"poi\n");
  EXPECT_THAT(std::string(evidence.add_all(bad).message()), HasSubstr("line 2"));
  std::istringstream cut("{\"event\":\"poison\",\"t_us\":1,\"id\":\"8\"}\n{\"event\":\"poi");
  EXPECT_TRUE(evidence.add_all(cut).ok());
  EXPECT_EQ(evidence.poisons.size(), 2);
  EXPECT_FALSE(evidence.add(R"({"event":"miracle"})").ok());
  EXPECT_FALSE(evidence.add(R"({"event":"poison","t_us":1})").ok());
  EXPECT_FALSE(evidence.add(R"({"event":"receipt","election":1,"receipt":"xyz"})").ok());
}

TEST(RecoveryTest, RecoveryIsMeasuredFromTheHeal) {
  Evidence evidence;
  int number = 0;
  const auto answered = [&](double cast_s, double answered_s) {
    ++number;
    for (const auto& [kind, at_s] : {std::pair{MachineEvent::Kind::kCast, cast_s},
                                     std::pair{MachineEvent::Kind::kAnswered, answered_s}}) {
      evidence.events.push_back({.kind = kind,
                                 .t_us = static_cast<std::int64_t>(at_s * 1e6),
                                 .uuid = uuid(number),
                                 .ends = true});
    }
  };
  for (int i = 0; i < 100; ++i) answered(i / 10.0, i / 10.0 + 0.01);  // ten a second for 10 s
  answered(10, 16);
  for (int i = 0; i < 50; ++i) answered(17 + i / 10.0, 17.5 + i / 10.0);
  evidence.faults.push_back(
      {.id = 1, .t_us = 10'000'000, .kind = "kill", .target = "x", .healed_us = 15'000'000});
  evidence.sort();
  const Recoveries recoveries = recoveries_of(evidence);
  ASSERT_EQ(recoveries.all.size(), 1);
  EXPECT_NEAR(recoveries.baseline_votes_per_second, 10, 0.2);
  EXPECT_EQ(recoveries.all[0].resolved_after_ms, 1'000);
  EXPECT_NEAR(static_cast<double>(*recoveries.all[0].rate_after_ms), 2'400, 101);
}

}  // namespace
}  // namespace pollbus::faults
