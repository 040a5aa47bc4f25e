#include "voting_machine/load_generator.h"

#include <gmock/gmock.h>

#include <limits>
#include <thread>

#include "support/eventually.h"
#include "voting_machine/random_voter.h"
#include "voting_machine/vote_client_test_fixture.h"
#include "voting_machine/vote_client_threads.h"

namespace pollbus::voting_machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;

class LoadGeneratorTest : public VoteClientFixture {
 protected:
  void begin(Load load) {
    load.election = 12;
    load.machine = 3;
    start();
    generator = std::make_unique<LoadGenerator>(*client, clock, load, RandomVoter(7, 100, 5));
    client->add_observer(*generator);
  }
  // Casts what may be cast, and publishes it.
  LoadGenerator::Next step() {
    auto next = generator->step();
    EXPECT_TRUE(next.ok()) << next.status();
    EXPECT_TRUE(client->tend().ok());
    client->deliver({});
    return next.value_or(LoadGenerator::Next{.done = true});
  }
  void answer_number(std::size_t number) { answer(uuid_of(topic.published().at(number))); }
  std::size_t sent() const { return topic.published().size(); }

  std::unique_ptr<LoadGenerator> generator;
};

TEST_F(LoadGeneratorTest, IsDoneWhenEachOfItsVotesIsAnswered) {
  begin({.votes = 3, .rate = 0, .in_flight = 3});
  EXPECT_FALSE(step().done);
  ASSERT_EQ(sent(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(step().done);
    answer_number(i);
  }
  EXPECT_TRUE(step().done);
  EXPECT_EQ(sent(), 3U);
}

TEST_F(LoadGeneratorTest, IsDoneAtOnceIfThereIsNothingToCast) {
  begin({.votes = 0, .rate = 0});
  EXPECT_TRUE(step().done);
  EXPECT_EQ(sent(), 0U);
}

TEST_F(LoadGeneratorTest, WaitsForTheAnswersToVotesOfAnEarlierRunToo) {
  start();
  const SubmittedVote vote = cast();
  begin({.votes = 0, .rate = 0});
  EXPECT_FALSE(step().done);
  answer(vote.uuid);
  EXPECT_TRUE(step().done);
}

TEST_F(LoadGeneratorTest, NoMoreVotesAreInFlightThanAllowed) {
  begin({.rate = 0, .in_flight = 4});
  step();
  step();
  EXPECT_EQ(sent(), 4U);
  answer_number(0);
  answer_number(1);
  step();
  EXPECT_EQ(sent(), 6U);
}

TEST_F(LoadGeneratorTest, ATimedOutVoteMakesRoomForTheNextAndStaysPending) {
  begin({.votes = 2, .rate = 0, .in_flight = 1, .patience = seconds(1'000)});
  step();
  clock.advance(seconds(10));
  ASSERT_TRUE(client->tend().ok());
  ASSERT_TRUE(generator->step().ok());
  EXPECT_EQ(client->pending(), 2U);
  EXPECT_EQ(client->in_flight(), 1U);
}

TEST_F(LoadGeneratorTest, TheNextVoteIsCastAtTheTimeOutWhileTheBusIsAway) {
  begin({.rate = 1, .in_flight = 1});
  for (std::size_t votes = 1; votes <= 3; ++votes) {
    ASSERT_TRUE(generator->step().ok());
    EXPECT_EQ(client->pending(), votes);
    clock.advance(seconds(10));
    ASSERT_TRUE(client->tend().ok());
  }
  EXPECT_EQ(disk.used(), 3U);
}

TEST_F(LoadGeneratorTest, CastsAtItsRate) {
  begin({.rate = 4, .in_flight = 1'000});
  step();
  EXPECT_EQ(sent(), 1U);
  for (std::size_t quarter = 1; quarter <= 12; ++quarter) {
    const auto next = step();
    EXPECT_EQ(next.wake, clock.now() + milliseconds(250));
    clock.advance(milliseconds(250));
    step();
    EXPECT_EQ(sent(), 1 + quarter);
  }
}

TEST_F(LoadGeneratorTest, AtAHighRateVotesAreCastInGroups) {
  begin({.rate = 1'000, .in_flight = 1'000});
  step();
  EXPECT_EQ(sent(), 1U);
  EXPECT_EQ(step().wake, clock.now() + milliseconds(10));
  clock.advance(milliseconds(9));
  step();
  EXPECT_EQ(sent(), 1U);
  clock.advance(milliseconds(1));
  step();
  EXPECT_EQ(sent(), 11U);
}

TEST_F(LoadGeneratorTest, AfterAPauseItMakesUpForAtMostASecond) {
  begin({.rate = 10, .in_flight = 1'000});
  clock.advance(seconds(300));
  step();
  EXPECT_EQ(sent(), 11U);
  clock.advance(milliseconds(100));
  step();
  EXPECT_EQ(sent(), 12U);
}

TEST_F(LoadGeneratorTest, RatesAtTheirBoundsDoNotOverflow) {
  for (const double rate : {kMinRate, kMaxRate}) {
    disk = FakeDisk();
    const auto before = sent();
    begin({.rate = rate, .in_flight = 1});
    step();
    EXPECT_EQ(sent(), before + 1);
    EXPECT_GE(step().wake, clock.now());
  }
}

TEST_F(LoadGeneratorTest, GivesUpWaitingForTheLastAnswersWhenItsPatienceIsOver) {
  begin({.votes = 1, .rate = 0, .patience = seconds(120)});
  step();
  EXPECT_FALSE(step().done);
  clock.advance(seconds(119));
  EXPECT_FALSE(step().done);
  clock.advance(seconds(1));
  EXPECT_TRUE(step().done);
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_EQ(disk.used(), 1U);
}

TEST_F(LoadGeneratorTest, ReportsAnErrorOfTheJournal) {
  begin({.rate = 0});
  disk.on_step = [] { return absl::UnavailableError("no space left"); };
  EXPECT_TRUE(absl::IsUnavailable(generator->step().status()));
}

// With the client's threads, as in the program.
class RunningLoadTest : public LoadGeneratorTest {
 protected:
  void run(const Load& load) {
    begin(load);
    threads = std::make_unique<VoteClientThreads>(*client, [this] { stop.request_stop(); });
    runner = std::jthread([this] { status = generator->run(stop.get_token()); });
  }
  void finish() {
    stop.request_stop();
    if (runner.joinable()) runner.join();
  }
  ~RunningLoadTest() override { finish(); }

  std::unique_ptr<VoteClientThreads> threads;
  absl::Status status = absl::UnknownError("still running");
  std::jthread runner;
};

TEST_F(RunningLoadTest, EndsWhenItsVotesAreAnsweredAndLeavesAnEmptyJournal) {
  constexpr std::size_t kVotes = 50;
  run({.votes = kVotes, .rate = 0, .in_flight = 10});
  for (std::size_t i = 0; i < kVotes; ++i) {
    ASSERT_TRUE(topic.wait_for(i + 1));
    answer_number(i);
  }
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(threads->stop().ok());
  EXPECT_EQ(disk.used(), 0U);
}

TEST_F(RunningLoadTest, AnAnsweredVoteIsErasedWhileTheMachineIsIdle) {
  std::atomic<int> erased = 0;
  run({.votes = 2, .rate = 0, .in_flight = 2, .patience = seconds(100'000)});
  ASSERT_TRUE(topic.wait_for(2));
  disk.on_step = [&] {
    ++erased;
    return absl::OkStatus();
  };
  answer_number(0);
  EXPECT_TRUE(eventually(seconds(20), [&] { return erased > 0; }));
  finish();
  EXPECT_TRUE(threads->stop().ok());
  EXPECT_EQ(disk.used(), 1U);
}

TEST_F(RunningLoadTest, AStopLeavesUnansweredVotesInTheJournal) {
  run({.votes = 3, .rate = 0, .in_flight = 3});
  ASSERT_TRUE(topic.wait_for(3));
  answer_number(1);
  finish();
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(threads->stop().ok());
  EXPECT_EQ(disk.used(), 2U);
}

TEST_F(RunningLoadTest, AfterAStopLateAnswersAreStillTakenAndErased) {
  run({.votes = 2, .rate = 0, .in_flight = 2});
  ASSERT_TRUE(topic.wait_for(2));
  finish();
  std::jthread answering([this] {
    answer_number(0);
    answer_number(1);
  });
  threads->wait_for_last_answers(std::chrono::steady_clock::now() + seconds(20));
  EXPECT_EQ(client->pending(), 0U);
  EXPECT_TRUE(threads->stop().ok());
  EXPECT_EQ(disk.used(), 0U);
}

TEST_F(RunningLoadTest, AnErrorOfTheJournalEndsTheRunAndIsReported) {
  run({.rate = 0, .in_flight = 1});
  ASSERT_TRUE(topic.wait_for(1));
  // An answer makes the tending thread erase, and the generator cast.
  disk.on_step = [] { return absl::UnavailableError("no space left"); };
  answer_number(0);
  runner.join();
  EXPECT_TRUE(absl::IsUnavailable(threads->stop()));
}

}  // namespace
}  // namespace pollbus::voting_machine
