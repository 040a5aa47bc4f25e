// A vote that is delivered again before or after any step, and other votes that look like it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "election/messages.h"
#include "election/uuid.h"
#include "integration/election_fixture.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using enum Outcome;
using namespace std::chrono_literals;

auto each_is(Outcome outcome) { return Each(Field(&Result::outcome, outcome)); }

class RedeliveryTest : public ElectionTest {
 protected:
  void SetUp() override {
    system_ = &begin({.loggers = 2, .recorders = 2});
    machine_ = system_->bus_machine(3);
  }

  // Casts the vote, for the first time or again, and returns the answer to that.
  Outcome cast_and_await(BusMachine& machine, const SubmittedVote& vote) {
    const std::size_t before = machine.answers(vote.uuid, 0).size();
    EXPECT_EQ(machine.cast(vote), absl::OkStatus());
    const auto answers = machine.answers(vote.uuid, before + 1);
    if (answers.size() <= before) throw std::runtime_error("no answer");
    return answers.back().outcome;
  }

  ElectionSystem* system_ = nullptr;
  std::unique_ptr<BusMachine> machine_;
};

TEST_F(RedeliveryTest, AVoteSubmittedTwiceBeforeItsMarkIsStoredOnce) {
  const auto vote = machine_->draw(43, 4);
  EXPECT_EQ(machine_->cast(std::vector{vote, vote, vote}), absl::OkStatus());
  EXPECT_THAT(machine_->answers(vote.uuid, 3), AllOf(SizeIs(3), each_is(kSuccessful)));
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, AVoteSubmittedAgainAfterItsMarkIsStoredOnceAndAnsweredTheSame) {
  const auto vote = machine_->draw(43, 4);
  for (std::size_t times = 1; times <= 3; ++times) {
    EXPECT_EQ(machine_->cast(vote), absl::OkStatus());
    EXPECT_THAT(machine_->answers(vote.uuid, times), AllOf(SizeIs(times), each_is(kSuccessful)));
  }
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, AVoteWhoseLoggerCrashedAfterTheMarkIsForwardedWhenItIsRepeated) {
  const auto vote = machine_->draw(43, 4);
  const KeyedHash mark = fingerprint(system_->logger_key(), vote);
  system_->redis.command({"SET", fmt::format("voted:{}:43", system_->election()),
                          std::string(mark.begin(), mark.end())});
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, ARecordMessageRepeatedBeforeTheCommitIsStoredOnce) {
  const auto vote = machine_->draw(43, 4);
  for (const auto& recorder : system_->recorders) recorder->signal(SIGSTOP);
  EXPECT_EQ(machine_->cast(vote), absl::OkStatus());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(machine_->publish(wire::record_message(without_voter(vote))), absl::OkStatus());
  }
  for (const auto& recorder : system_->recorders) recorder->signal(SIGCONT);
  EXPECT_THAT(machine_->answers(vote.uuid, 3), AllOf(SizeIs(3), each_is(kSuccessful)));
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, ARecordMessageRepeatedAfterTheCommitIsAnsweredAgainAndStoredOnce) {
  const auto vote = machine_->draw(43, 4);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(machine_->publish(wire::record_message(without_voter(vote))), absl::OkStatus());
  EXPECT_THAT(machine_->answers(vote.uuid, 2), AllOf(SizeIs(2), each_is(kSuccessful)));
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, AMachineThatMissedAnAnswerGetsItWhenItRepeatsTheVote) {
  const auto vote = machine_->draw(43, 4);
  const auto second = machine_->draw(43, 1);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(cast_and_await(*machine_, second), kAlreadyVoted);
  const Accounts before = machine_->accounts();
  machine_.reset();
  // Its subscription still exists, but the acked answers are gone.
  machine_ = system_->bus_machine(3);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(cast_and_await(*machine_, second), kAlreadyVoted);
  expect_invariants(*system_, merged({before, machine_->accounts()}));
}

TEST_F(RedeliveryTest, ASecondVoteOfAVoterIsAnsweredAlreadyVotedWhateverItsContent) {
  const auto other_machine = system_->bus_machine(4);
  const auto vote = machine_->draw(43, 4);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  const auto same_choice = machine_->draw(43, 4);
  const auto other_choice = machine_->draw(43, 2);
  const auto elsewhere = other_machine->draw(43, 4);
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(cast_and_await(*machine_, same_choice), kAlreadyVoted);
    EXPECT_EQ(cast_and_await(*machine_, other_choice), kAlreadyVoted);
    EXPECT_EQ(cast_and_await(*other_machine, elsewhere), kAlreadyVoted);
    EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  }
  expect_invariants(*system_, merged({machine_->accounts(), other_machine->accounts()}));
}

TEST_F(RedeliveryTest, AVoterMayVoteInEveryElection) {
  auto vote = machine_->draw(43, 4);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  auto elsewhere = machine_->draw(43, 4);
  elsewhere.election += 1;
  EXPECT_EQ(cast_and_await(*machine_, elsewhere), kSuccessful);
  EXPECT_EQ(system_->postgres.query("SELECT id FROM votes").size(), 2u);
}

TEST_F(RedeliveryTest, AVoteWithAKnownUuidAndOtherContentIsNotStored) {
  const auto forger = system_->bus_machine(4);
  const auto vote = machine_->draw(43, 4);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  // The forged vote names machine 4, so the answer goes there.
  auto forged = vote;
  forged.machine = 4;
  forged.choice = 2;
  EXPECT_EQ(cast_and_await(*forger, forged), kAlreadyVoted);
  // Straight to the recorders, past the loggers.
  EXPECT_EQ(forger->publish(wire::record_message(without_voter(forged))), absl::OkStatus());
  const auto answers = forger->answers(vote.uuid, 2);
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers.back().outcome, kRejected);
  EXPECT_THAT(answers.back().reason, HasSubstr("different vote"));
  expect_invariants(*system_, machine_->accounts());
}

TEST_F(RedeliveryTest, AUuidThatAMachineUsesForTwoVotersCountsForTheFirstAndIsRejectedForTheOther) {
  const auto vote = machine_->draw(43, 4);
  auto again = vote;
  again.voter = 44;
  again.choice = 2;
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(cast_and_await(*machine_, again), kRejected);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  const auto rows = system_->rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].choice, 4);
  EXPECT_EQ(rows[0].count, 1);
}

TEST_F(RedeliveryTest, AUuidInCapitalsIsTheSameVote) {
  const auto vote = machine_->draw(43, 4);
  auto shouted = vote;
  for (char& c : shouted.uuid) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(cast_and_await(*machine_, shouted), kSuccessful);
  EXPECT_EQ(system_->row_count(), 1);
  EXPECT_EQ(system_->marks().size(), 1u);
}

TEST_F(RedeliveryTest, TheLargestNumbersOfTheProtocolAreStoredAsTheyAre) {
  auto vote = machine_->draw(kMaxId, kMaxChoice);
  vote.election = kMaxId;
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(cast_and_await(*machine_, vote), kSuccessful);
  EXPECT_EQ(system_->postgres.query("SELECT electionid, voting FROM votes"),
            (std::vector<PostgresServer::Row>{{"9007199254740991", "2147483647"}}));
}

}  // namespace
}  // namespace pollbus::testing
