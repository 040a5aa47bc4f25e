#include "voting_machine/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "election/messages.h"
#include "support/eventually.h"
#include "support/fake_publisher.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"

namespace pollbus::voting_machine {
namespace {

using std::chrono::seconds;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr seconds kSoon{20};

ReceivedMessage result(const std::string& uuid, Outcome outcome = Outcome::kSuccessful,
                       std::int64_t machine = 3) {
  ReceivedMessage got;
  Message sent = wire::result_message(machine, {.outcome = outcome, .uuid = uuid, .reason = ""});
  got.data = std::move(sent.data);
  got.attributes = std::move(sent.attributes);
  return got;
}

std::string uuid_of(const Message& message) {
  return std::get<SubmittedVote>(wire::parse_submitted(message.data)).uuid;
}

// A machine on a journal of its own, whose votes go nowhere but into `topic`, and whose time stands
// still until a test moves it on.
class MachineTest : public ::testing::Test {
 protected:
  ~MachineTest() override { finish(); }

  void make(Load load) {
    load.election = 12;
    load.machine = 3;
    auto opened = Journal::open(path, "election 12 machine 3");
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal = std::move(opened).value();
    machine.emplace(Machine::Parts{.journal = *journal,
                                   .bus = {topic, quarantine, bus},
                                   .clock = clock,
                                   .metrics = registry,
                                   .lines = &lines},
                    load, RandomVoter(7, 100, 5));
  }
  void begin(Load load) {
    make(load);
    begin();
  }
  void begin() {
    runner = std::jthread([this] { status = machine->run(stop.get_token()); });
  }
  // Stops it and lets go of the journal, as a process that ends does.
  void finish() {
    stop.request_stop();
    if (runner.joinable()) runner.join();
    machine.reset();
    journal.reset();
  }
  void answer(std::size_t number, Outcome outcome = Outcome::kSuccessful) {
    const std::vector<ReceivedMessage> batch{
        result(uuid_of(topic.published().at(number)), outcome)};
    machine->on_results(batch, {});
  }
  std::vector<std::string> kept() {
    finish();
    const auto opened = Journal::open(path, "election 12 machine 3");
    std::vector<std::string> data;
    for (const auto& entry : (*opened)->recovered()) data.push_back(entry.data);
    return data;
  }
  std::string journal_bytes() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool sent_becomes(std::int64_t count) {
    return eventually(kSoon, [&] { return machine->tally().sent == count; });
  }

  testing::TemporaryFolder folder;
  std::string path = (folder / "machine.journal").string();
  testing::ManualClock clock;
  testing::ManualClock bus_clock;
  Readiness readiness{bus_clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", bus_clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  std::ostringstream lines;
  std::unique_ptr<Journal> journal;
  std::optional<Machine> machine;
  std::stop_source stop;
  absl::Status status = absl::UnknownError("still running");
  std::jthread runner;
};

TEST_F(MachineTest, EndsWhenEachOfItsVotesIsAnswered) {
  begin({.votes = 3, .rate = 0, .in_flight = 3});
  ASSERT_TRUE(topic.wait_for(3));
  clock.advance(std::chrono::milliseconds(5));
  answer(0, Outcome::kSuccessful);
  answer(1, Outcome::kAlreadyVoted);
  answer(2, Outcome::kRejected);
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  const Tally tally = machine->tally();
  EXPECT_EQ(tally.sent, 3);
  EXPECT_EQ(tally.successful, 1);
  EXPECT_EQ(tally.already_voted, 1);
  EXPECT_EQ(tally.rejected, 1);
  EXPECT_EQ(tally.pending, 0);
  EXPECT_EQ(tally.timed_out, 0);
  EXPECT_EQ(tally.latency.count(), 3);
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(MachineTest, CastsNothingWhenAskedForNoVote) {
  begin({.votes = 0, .rate = 0});
  runner.join();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(topic.tries(), 0);
}

TEST_F(MachineTest, AVoteIsInTheJournalBeforeItIsPublished) {
  topic.on_publish = [this](std::span<const Message> batch) {
    for (const Message& message : batch)
      EXPECT_NE(journal_bytes().find(message.data), std::string::npos) << message.data;
    return absl::OkStatus();
  };
  begin({.votes = 5, .rate = 0, .in_flight = 5});
  ASSERT_TRUE(topic.wait_for(5));
}

TEST_F(MachineTest, NoMoreVotesAreInFlightThanAllowed) {
  begin({.rate = 0, .in_flight = 4});
  ASSERT_TRUE(topic.wait_for(4));
  answer(0);
  answer(1);
  ASSERT_TRUE(topic.wait_for(6));
  answer(2);
  ASSERT_TRUE(topic.wait_for(7));
  EXPECT_EQ(machine->tally().sent, 7);
  EXPECT_EQ(machine->tally().pending, 4);
}

TEST_F(MachineTest, CastsAtItsRate) {
  begin({.rate = 4, .in_flight = 1'000});
  ASSERT_TRUE(topic.wait_for(1));
  for (std::size_t second = 1; second <= 3; ++second) {
    for (std::size_t quarter = 1; quarter <= 4; ++quarter) {
      clock.advance(std::chrono::milliseconds(250));
      ASSERT_TRUE(topic.wait_for(1 + (second - 1) * 4 + quarter));
    }
    EXPECT_EQ(machine->tally().sent, static_cast<std::int64_t>(1 + second * 4));
  }
}

TEST_F(MachineTest, WhoFellBehindMakesUpForNoMoreThanASecond) {
  make({.rate = 10, .in_flight = 1'000});
  clock.advance(seconds(300));  // the bus was waited for
  begin();
  ASSERT_TRUE(topic.wait_for(1));
  clock.advance(std::chrono::milliseconds(100));
  ASSERT_TRUE(topic.wait_for(12));
  EXPECT_EQ(machine->tally().sent, 12);
}

TEST_F(MachineTest, AVoteWithoutAnAnswerTimesOutOnceAndTheSameBytesAreSentAgain) {
  begin({.votes = 1, .rate = 0, .patience = seconds(1'000)});
  ASSERT_TRUE(topic.wait_for(1));
  EXPECT_EQ(machine->tally().timed_out, 0);
  clock.advance(seconds(10));
  ASSERT_TRUE(topic.wait_for(2));
  clock.advance(seconds(5));
  ASSERT_TRUE(topic.wait_for(3));
  answer(0);
  runner.join();
  const auto published = topic.published();
  EXPECT_EQ(published[0].data, published[1].data);
  EXPECT_EQ(published[0].data, published[2].data);
  EXPECT_EQ(published[0].attributes, published[2].attributes);
  const std::string text = lines.str();
  EXPECT_NE(text.find("Time out\n"), std::string::npos);
  EXPECT_EQ(text.find("Time out\n"), text.rfind("Time out\n"));
  const Tally tally = machine->tally();
  EXPECT_EQ(tally.timed_out, 1);
  EXPECT_EQ(tally.sent, 1);
  EXPECT_EQ(tally.successful, 1) << "a late answer counts";
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(MachineTest, ATimedOutVoteMakesRoomForTheNextAndStaysPending) {
  begin({.votes = 2, .rate = 0, .in_flight = 1, .patience = seconds(1'000)});
  ASSERT_TRUE(topic.wait_for(1));
  clock.advance(seconds(10));
  ASSERT_TRUE(sent_becomes(2));
  EXPECT_EQ(machine->tally().pending, 2);
}

TEST_F(MachineTest, PrintsWhatItSendsAndWhatItReceives) {
  begin({.votes = 1, .rate = 0});
  ASSERT_TRUE(topic.wait_for(1));
  answer(0);
  runner.join();
  const Message vote = topic.published()[0];
  EXPECT_THAT(lines.str(), HasSubstr("The message " + vote.data + " is sent\n"));
  EXPECT_THAT(lines.str(),
              HasSubstr("Received {\"result\":\"successful\",\"UUID\":\"" + uuid_of(vote)));
}

TEST_F(MachineTest, ASecondAnswerCountsOnlyAsUnknown) {
  begin({.votes = 2, .rate = 0, .in_flight = 2});
  ASSERT_TRUE(topic.wait_for(2));
  answer(0, Outcome::kSuccessful);
  answer(0, Outcome::kAlreadyVoted);
  EXPECT_EQ(machine->tally().successful, 1);
  EXPECT_EQ(machine->tally().already_voted, 0);
  EXPECT_EQ(machine->tally().unknown_results, 1);
  EXPECT_EQ(machine->tally().pending, 1);
}

TEST_F(MachineTest, AcksCountsAndIgnoresWhatIsNotAnAnswerToIt) {
  begin({.votes = 1, .rate = 0});
  ASSERT_TRUE(topic.wait_for(1));
  const std::string uuid = uuid_of(topic.published()[0]);
  ReceivedMessage other_function = result(uuid);
  other_function.attributes["function"] = "record vote";
  const std::vector<ReceivedMessage> batch{result(uuid, Outcome::kSuccessful, 4), other_function};
  EXPECT_EQ(machine->on_results(batch, {}), std::vector<Verdict>(2, Verdict::kAck));
  EXPECT_EQ(machine->tally().pending, 1);
  EXPECT_EQ(machine->tally().unknown_results, 0);
  EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
              HasSubstr("pollbus_strays_total 2\n"));
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(MachineTest, AnAnswerThatCannotBeReadIsQuarantinedAndAcked) {
  begin({.votes = 1, .rate = 0});
  ASSERT_TRUE(topic.wait_for(1));
  ReceivedMessage unreadable = result(uuid_of(topic.published()[0]));
  unreadable.data = "no JSON";
  unreadable.id = "77";
  EXPECT_EQ(machine->on_results(std::vector{unreadable}, {}), std::vector{Verdict::kAck});
  EXPECT_EQ(machine->tally().pending, 1);
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].attribute("messageId"), "77");
  EXPECT_EQ(quarantine.published()[0].attribute("function"), "result");
}

TEST_F(MachineTest, AStopLeavesUnansweredVotesInTheJournalAndTheNextRunPublishesThemAgain) {
  begin({.votes = 3, .rate = 0, .in_flight = 3});
  ASSERT_TRUE(topic.wait_for(3));
  answer(1);
  const auto before = topic.published();
  EXPECT_THAT(kept(), ::testing::UnorderedElementsAre(before[0].data, before[2].data));
  EXPECT_TRUE(status.ok()) << status;

  stop = std::stop_source();
  begin({.votes = 0, .rate = 0, .patience = seconds(1'000)});
  ASSERT_TRUE(topic.wait_for(5));
  EXPECT_EQ(machine->tally().recovered, 2);
  EXPECT_EQ(machine->tally().sent, 0);
  answer(3);
  answer(4);
  runner.join();
  const auto after = topic.published();
  EXPECT_THAT((std::vector{after[3].data, after[4].data}),
              ::testing::UnorderedElementsAre(before[0].data, before[2].data));
  EXPECT_EQ(machine->tally().successful, 2);
  EXPECT_EQ(machine->tally().latency.count(), 0) << "nobody knows when they were cast";
  EXPECT_THAT(lines.str(), Not(HasSubstr("Time out")));
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(MachineTest, AnAnswerAfterTheRunIsErasedFromTheJournalToo) {
  begin({.votes = 2, .rate = 0, .in_flight = 2});
  ASSERT_TRUE(topic.wait_for(2));
  stop.request_stop();
  runner.join();
  answer(0);
  EXPECT_TRUE(machine->erase_answered().ok());
  EXPECT_EQ(journal->size(), 1U);
}

TEST_F(MachineTest, AnswersMayComeInWhileTheRunEnds) {
  constexpr int kVotes = 500;
  begin({.votes = kVotes, .rate = 0, .in_flight = kVotes});
  ASSERT_TRUE(topic.wait_for(kVotes));
  std::jthread answers([this] {
    for (int i = 0; i < kVotes; ++i) answer(static_cast<std::size_t>(i));
  });
  stop.request_stop();
  runner.join();
  answers.join();
  EXPECT_TRUE(machine->erase_answered().ok());
  EXPECT_EQ(machine->tally().successful, kVotes);
  EXPECT_EQ(journal->size(), 0U);
}

TEST_F(MachineTest, GivesUpWaitingForTheLastAnswersWhenItsPatienceIsOver) {
  begin({.votes = 1, .rate = 0, .patience = seconds(120)});
  ASSERT_TRUE(topic.wait_for(1));
  clock.advance(seconds(10));
  ASSERT_TRUE(topic.wait_for(2));  // so it waits since ten seconds ago, or less
  clock.advance(seconds(109));
  ASSERT_TRUE(topic.wait_for(3));
  EXPECT_EQ(machine->tally().pending, 1);
  clock.advance(seconds(11));
  runner.join();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(machine->tally().pending, 1);
  EXPECT_THAT(kept(), SizeIs(1));
}

TEST_F(MachineTest, HoldsOutWhileTheBusIsAwayAndThenSendsTheSameVotes) {
  std::vector<std::string> tried;
  topic.on_publish = [&](std::span<const Message> batch) {
    tried.push_back(batch[0].data);
    return tried.size() < 4 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  begin({.votes = 1, .rate = 0});
  ASSERT_TRUE(topic.wait_for(1));
  EXPECT_THAT(tried, SizeIs(4));
  EXPECT_THAT(tried, ::testing::Each(tried[0]));
  EXPECT_EQ(machine->tally().sent, 1);
}

TEST_F(MachineTest, AStopWhileTheBusIsAwayLeavesTheVoteInTheJournal) {
  topic.on_publish = [&](std::span<const Message>) {
    stop.request_stop();
    return absl::UnavailableError("away");
  };
  begin({.rate = 0});
  runner.join();
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(lines.str(), Not(HasSubstr("is sent")));
  EXPECT_THAT(kept(), SizeIs(1));
}

TEST_F(MachineTest, WhatTheJournalHoldsAndIsNoVoteIsLeftThereAndSaidOnce) {
  {
    make({});
    const std::vector<std::string> odd{"not a vote"};
    ASSERT_TRUE(journal->append(odd).ok());
    finish();
  }
  stop = std::stop_source();
  ::testing::internal::CaptureStderr();
  make({.votes = 0});
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("no vote"));
  EXPECT_THAT(log, Not(HasSubstr("not a vote")));
  EXPECT_EQ(machine->tally().recovered, 0);
}

}  // namespace
}  // namespace pollbus::voting_machine
