#include "voting_machine/vote_client.h"

#include <gmock/gmock.h>
#include <prometheus/text_serializer.h>

#include <set>
#include <thread>

#include "voting_machine/vote_client_test_fixture.h"

namespace pollbus::voting_machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class VoteClientTest : public VoteClientFixture {
 protected:
  VoteClientTest() { start(); }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry.Collect()); }
};

TEST_F(VoteClientTest, CastReturnsWhenTheVoteIsOnDiskAndBeforeItIsPublished) {
  const SubmittedVote vote = cast();
  EXPECT_TRUE(disk.has_synced(vote.uuid));
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_EQ(client->in_flight(), 1U);
}

TEST_F(VoteClientTest, DeliverPublishesExactlyTheVoteThatWasCast) {
  const SubmittedVote vote = cast();
  client->deliver({});
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].data, wire::submit_message(vote).data);
  EXPECT_EQ(topic.published()[0].attributes, wire::submit_message(vote).attributes);
}

TEST_F(VoteClientTest, AnAnswerReachesTheObserverWithItsResultAndLatency) {
  const SubmittedVote vote = cast();
  client->deliver({});
  clock.advance(milliseconds(30));
  answer(vote.uuid, Outcome::kAlreadyVoted);
  ASSERT_THAT(observer->answers(), SizeIs(1));
  const Answer got = observer->answers()[0];
  EXPECT_EQ(got.result.uuid, vote.uuid);
  EXPECT_EQ(got.result.outcome, Outcome::kAlreadyVoted);
  EXPECT_EQ(got.text, result_for(vote.uuid, Outcome::kAlreadyVoted).data);
  EXPECT_EQ(got.latency, milliseconds(30));
  EXPECT_TRUE(got.ends_vote);
  EXPECT_EQ(client->pending(), 0U);
}

TEST_F(VoteClientTest, ARejectionReachesTheObserverWithItsReason) {
  const SubmittedVote vote = cast();
  Message message = result_for(vote.uuid);
  message.data = wire::encode(
      Result{.outcome = Outcome::kRejected, .uuid = vote.uuid, .reason = "the election is closed"});
  receive(message);
  ASSERT_THAT(observer->answers(), SizeIs(1));
  EXPECT_EQ(observer->answers()[0].result.reason, "the election is closed");
}

TEST_F(VoteClientTest, AnAnsweredVoteIsErasedAlthoughNothingElseIsCast) {
  const SubmittedVote vote = cast();
  client->deliver({});
  answer(vote.uuid);
  ASSERT_EQ(disk.used(), 1U);
  EXPECT_TRUE(client->tend().ok());
  EXPECT_EQ(disk.used(), 0U);
}

TEST_F(VoteClientTest, AVoteTimesOutOnceStaysPendingAndIsPublishedAgain) {
  const SubmittedVote vote = cast();
  client->deliver({});
  EXPECT_EQ(*client->tend(), clock.now() + seconds(10));
  clock.advance(seconds(10));
  EXPECT_TRUE(client->tend().ok());
  EXPECT_TRUE(client->tend().ok());
  client->deliver({});
  EXPECT_THAT(observer->events(), ElementsAre("kept " + vote.uuid, "published " + vote.uuid,
                                              "timed out " + vote.uuid, "published " + vote.uuid));
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_EQ(client->in_flight(), 0U);
  EXPECT_EQ(topic.published()[0].data, topic.published()[1].data);
  answer(vote.uuid);
  EXPECT_TRUE(observer->answers()[0].ends_vote) << "a late answer counts";
}

TEST_F(VoteClientTest, VotesTimeOutAndAreCastWhileTheBusHangs) {
  std::binary_semaphore has_begun(0);
  std::binary_semaphore may_end(0);
  topic.on_publish = [&](std::span<const Message>) {
    has_begun.release();
    may_end.acquire();
    return absl::OkStatus();
  };
  const SubmittedVote first = cast();
  std::jthread delivering([&] { client->deliver({}); });
  has_begun.acquire();
  clock.advance(seconds(10));
  EXPECT_TRUE(client->tend().ok());
  EXPECT_THAT(observer->events(), ElementsAre("kept " + first.uuid, "timed out " + first.uuid));
  const SubmittedVote second = cast();
  EXPECT_TRUE(disk.has_synced(second.uuid));
  EXPECT_EQ(client->in_flight(), 1U);
  may_end.release();
}

TEST_F(VoteClientTest, ARepeatedAnswerEndsNothing) {
  const SubmittedVote vote = cast();
  answer(vote.uuid);
  answer(vote.uuid);
  EXPECT_THAT(observer->events(),
              ElementsAre("kept " + vote.uuid, "answered " + vote.uuid, "unknown " + vote.uuid));
  EXPECT_EQ(observer->answers()[1].latency, std::nullopt);
}

TEST_F(VoteClientTest, AVoteOfAnEarlierProcessIsPublishedAgainAndItsAnswerIsDelivered) {
  const SubmittedVote vote = cast();
  client->deliver({});
  start();
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_EQ(client->in_flight(), 0U);
  client->deliver({});
  EXPECT_EQ(topic.published()[0].data, topic.published()[1].data);
  answer(vote.uuid);
  EXPECT_THAT(observer->events(), ElementsAre("recovered " + vote.uuid, "published " + vote.uuid,
                                              "answered " + vote.uuid));
  EXPECT_EQ(observer->answers()[0].latency, std::nullopt) << "the time of the cast is not known";
  EXPECT_TRUE(client->tend().ok());
  EXPECT_EQ(disk.used(), 0U);
}

TEST_F(VoteClientTest, HoldsOutWhileTheBusIsAwayAndThenPublishesTheSameVotes) {
  std::vector<std::string> tried;
  topic.on_publish = [&](std::span<const Message> batch) {
    tried.push_back(batch[0].data);
    return tried.size() < 4 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  cast();
  client->deliver({});
  EXPECT_THAT(tried, SizeIs(4));
  EXPECT_THAT(tried, ::testing::Each(tried[0]));
  EXPECT_THAT(topic.published(), SizeIs(1));
}

TEST_F(VoteClientTest, AStopWhileTheBusIsAwayKeepsTheVoteAndTellsNobodyThatItWasPublished) {
  topic.on_publish = [&](std::span<const Message>) {
    stop.request_stop();
    return absl::UnavailableError("away");
  };
  const SubmittedVote vote = cast();
  client->deliver(stop.get_token());
  EXPECT_THAT(observer->events(), ElementsAre("kept " + vote.uuid));
  EXPECT_EQ(disk.used(), 1U);
}

TEST_F(VoteClientTest, AVoteThatTheBusRefusesDoesNotHoldUpTheOthers) {
  std::vector<SubmittedVote> votes(5);
  for (SubmittedVote& vote : votes) vote = some_vote();
  topic.on_publish = [&](std::span<const Message> batch) {
    for (const Message& message : batch) {
      if (uuid_of(message) == votes[2].uuid) return absl::InvalidArgumentError("not this one");
    }
    return absl::OkStatus();
  };
  ASSERT_TRUE(client->cast(votes).ok());
  client->deliver({});
  std::vector<std::string> published;
  for (const Message& message : topic.published()) published.push_back(uuid_of(message));
  EXPECT_THAT(published,
              UnorderedElementsAre(votes[0].uuid, votes[1].uuid, votes[3].uuid, votes[4].uuid));
  EXPECT_EQ(client->pending(), 5U);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_votes_refused_by_bus_total 1\n"));
  topic.on_publish = [](std::span<const Message>) { return absl::OkStatus(); };
  clock.advance(kMaxRetryPause);
  client->deliver({});
  EXPECT_EQ(uuid_of(topic.published().back()), votes[2].uuid) << "it is tried again";
}

TEST_F(VoteClientTest, AMessageThatIsNotAnAnswerToThisMachineIsAckedCountedAndIgnored) {
  const SubmittedVote vote = cast();
  Message other_function = result_for(vote.uuid);
  other_function.attributes["function"] = "record vote";
  EXPECT_EQ(receive(result_for(vote.uuid, Outcome::kSuccessful, 4)), std::vector{Verdict::kAck});
  EXPECT_EQ(receive(other_function), std::vector{Verdict::kAck});
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_THAT(observer->answers(), IsEmpty());
  EXPECT_THAT(metrics(), HasSubstr("pollbus_strays_total 2\n"));
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(VoteClientTest, AnAnswerThatCannotBeReadIsQuarantinedAndAcked) {
  const SubmittedVote vote = cast();
  Message unreadable = result_for(vote.uuid);
  unreadable.data = "no JSON";
  EXPECT_EQ(receive(unreadable, "77"), std::vector{Verdict::kAck});
  EXPECT_EQ(client->pending(), 1U);
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].attribute("messageId"), "77");
  EXPECT_EQ(quarantine.published()[0].attribute("function"), "result");
}

TEST_F(VoteClientTest, OnlyWhatAnswersNoVoteIsOfferedElsewhere) {
  std::vector<std::string> offered;
  other_answers = [&](const ReceivedMessage& message) {
    offered.emplace_back(message.data);
    return message.data == "known";
  };
  start();
  answer(cast().uuid);
  EXPECT_THAT(offered, IsEmpty());
  for (const char* data : {"known", "unknown"}) {
    Message message = result_for(random_uuid());
    message.data = data;
    EXPECT_EQ(receive(message), std::vector{Verdict::kAck});
  }
  EXPECT_THAT(offered, ElementsAre("known", "unknown"));
  EXPECT_THAT(quarantine.published(), SizeIs(1));
}

TEST_F(VoteClientTest, AUuidThatIsPendingCannotBeCastAgain) {
  const SubmittedVote vote = cast();
  EXPECT_TRUE(absl::IsAlreadyExists(client->cast(vote)));
  const std::vector<SubmittedVote> twice(2, some_vote());
  EXPECT_TRUE(absl::IsAlreadyExists(client->cast(twice)));
  EXPECT_EQ(client->pending(), 1U);
  EXPECT_EQ(disk.used(), 1U);
}

TEST_F(VoteClientTest, AVoteOfAnotherMachineIsRefused) {
  SubmittedVote vote = some_vote();
  vote.machine = 4;
  EXPECT_TRUE(absl::IsInvalidArgument(client->cast(vote)));
  EXPECT_EQ(client->pending(), 0U);
}

TEST_F(VoteClientTest, AVoteThatDoesNotFitIsRefusedAndOthersCanStillBeCast) {
  SubmittedVote vote = some_vote();
  vote.uuid = std::string(500, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(client->cast(vote)));
  cast();
  EXPECT_EQ(client->pending(), 1U);
}

TEST_F(VoteClientTest, AfterAnErrorOfTheJournalNothingIsCastOrPublishedAndTendReportsIt) {
  disk.on_step = [] { return absl::UnavailableError("no space left"); };
  EXPECT_TRUE(absl::IsUnavailable(client->cast(some_vote())));
  disk.on_step = [] { return absl::OkStatus(); };
  EXPECT_TRUE(absl::IsUnavailable(client->cast(some_vote())));
  EXPECT_TRUE(absl::IsUnavailable(client->tend().status()));
  client->deliver({});
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_THAT(observer->events(), IsEmpty());
}

TEST_F(VoteClientTest, AnEntryThatIsNotAVoteStaysInTheJournalAndItsContentIsNotLogged) {
  const std::vector<std::string> odd{"not a vote"};
  ASSERT_TRUE(journal->append(odd).ok());
  ::testing::internal::CaptureStderr();
  start();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("an entry that is not a vote"));
  EXPECT_THAT(log, Not(HasSubstr("not a vote\"")));
  EXPECT_EQ(client->pending(), 0U);
  EXPECT_EQ(disk.used(), 1U);
}

TEST_F(VoteClientTest, DamagedSlotsOfTheJournalAreCountedInTheMetrics) {
  const SubmittedVote vote = cast();
  disk.damage(vote.uuid);
  start();
  EXPECT_EQ(client->pending(), 0U);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_journal_damaged_slots 1\n"));
}

TEST_F(VoteClientTest, AnObserverMayCastFromWithinACall) {
  struct Caster : VoteObserver {
    explicit Caster(VoteClient& its_client) : client(its_client) {}
    void answered(std::span<const Answer> /*answers*/) override {
      EXPECT_TRUE(client.cast(some_vote()).ok());
    }
    VoteClient& client;
  };
  Caster caster(*client);
  client->add_observer(caster);
  answer(cast().uuid);
  EXPECT_EQ(client->pending(), 1U);
}

TEST_F(VoteClientTest, ManyThreadsMayCastWhileVotesAreDeliveredAnsweredAndErased) {
  constexpr int kThreads = 4;
  constexpr int kVotes = 250;
  std::atomic<bool> has_ended = false;
  std::jthread delivering([&] {
    while (!has_ended) client->deliver({});
  });
  std::jthread tending([&] {
    while (!has_ended) EXPECT_TRUE(client->tend().ok());
  });
  std::jthread answering([&] {
    std::size_t answered = 0;
    while (!has_ended) {
      const auto published = topic.published();
      for (; answered < published.size(); ++answered) answer(uuid_of(published[answered]));
    }
  });
  {
    std::vector<std::jthread> casting;
    for (int i = 0; i < kThreads; ++i) {
      casting.emplace_back([&] {
        for (int k = 0; k < kVotes; ++k) cast();
      });
    }
  }
  ASSERT_TRUE(topic.wait_for(std::size_t{kThreads} * kVotes));
  client->wait_for_answers(std::chrono::steady_clock::now() + seconds(20));
  has_ended = true;
  delivering.join();
  tending.join();
  answering.join();
  EXPECT_TRUE(client->tend().ok());
  EXPECT_EQ(client->pending(), 0U);
  EXPECT_EQ(disk.used(), 0U);
  std::set<std::string> uuids;
  for (const Message& message : topic.published()) uuids.insert(uuid_of(message));
  EXPECT_THAT(uuids, SizeIs(kThreads * kVotes));
}

TEST_F(VoteClientTest, OneOfTwoThreadsThatCastTheSameUuidIsRefusedAndLeavesNothing) {
  for (int round = 0; round < 50; ++round) {
    const SubmittedVote vote = some_vote();
    std::atomic<int> kept = 0;
    {
      std::vector<std::jthread> casting;
      for (int i = 0; i < 2; ++i)
        casting.emplace_back([&] { kept += client->cast(vote).ok() ? 1 : 0; });
    }
    EXPECT_EQ(kept, 1);
    answer(vote.uuid);
    EXPECT_TRUE(client->tend().ok());
    EXPECT_EQ(disk.used(), 0U);
  }
}

// The process dies, or the power is cut, before and after each step that the disk or the bus takes.
class VoteClientCrashTest : public VoteClientFixture {
 protected:
  struct Crash {};

  // Dies when `steps_left` steps were taken.
  absl::Status step() {
    if (steps_left-- == 0) throw Crash();
    return absl::OkStatus();
  }
  void arm(int steps) {
    steps_left = steps;
    disk.on_step = [this] { return step(); };
    topic.on_publish = [this](std::span<const Message> batch) {
      absl::Status before = step();
      for (const Message& message : batch) {
        EXPECT_TRUE(disk.has_synced(message.data)) << "published, but not on disk";
        on_bus.push_back(message.data);
      }
      step().IgnoreError();
      return before;
    };
  }
  void disarm() {
    disk.on_step = [] { return absl::OkStatus(); };
    topic.on_publish = [this](std::span<const Message> batch) {
      for (const Message& message : batch) on_bus.push_back(message.data);
      return absl::OkStatus();
    };
  }
  // Two votes, the first of which is answered.
  void live() {
    start();
    for (SubmittedVote* vote : {&first, &second}) {
      if (!client->cast(*vote).ok()) return;
      kept.insert(vote->uuid);
      client->deliver({});
    }
    answer(first.uuid);
    EXPECT_TRUE(client->tend().ok());
    has_lived = true;
  }
  std::set<std::string> uuids_on_bus() const {
    std::set<std::string> uuids;
    for (const std::string& data : on_bus) uuids.insert(uuid_of({data, {}}));
    return uuids;
  }
  void check_that_nothing_is_lost() {
    disarm();
    start();
    client->deliver({});
    const std::set<std::string> published = uuids_on_bus();
    for (const std::string& uuid : kept) EXPECT_TRUE(published.contains(uuid)) << uuid;
    for (const std::string& data : on_bus) {
      const bool is_first = uuid_of({data, {}}) == first.uuid;
      EXPECT_EQ(data, wire::encode(is_first ? first : second)) << "other bytes than before";
    }
    for (const std::string& uuid : published) answer(uuid);
    EXPECT_EQ(client->pending(), 0U);
    EXPECT_TRUE(client->tend().ok());
    EXPECT_EQ(disk.used(), journal->damaged());
  }

  int steps_left = 0;
  SubmittedVote first = some_vote();
  SubmittedVote second = some_vote();
  std::set<std::string> kept;  // cast() said so
  std::vector<std::string> on_bus;
  bool has_lived = false;
};

TEST_F(VoteClientCrashTest, NoVoteIsLostWhereverTheProcessDiesOrThePowerIsCut) {
  int crashes = 0;
  for (const bool is_power_cut : {false, true}) {
    has_lived = false;
    for (int steps = 0; !has_lived; ++steps) {
      SCOPED_TRACE(::testing::Message()
                   << "after " << steps << " steps, power cut " << is_power_cut);
      disk = FakeDisk();
      kept.clear();
      on_bus.clear();
      arm(steps);
      try {
        live();
      } catch (const Crash&) {
        ++crashes;
      }
      if (is_power_cut) disk.power_cut();
      check_that_nothing_is_lost();
    }
  }
  EXPECT_GT(crashes, 30);
}

}  // namespace
}  // namespace pollbus::voting_machine
