#include "voting_recorder/handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/logging.h"
#include "election/messages.h"
#include "election/receipt.h"
#include "support/vote_handler_test.h"

namespace pollbus::voting_recorder {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::machine_keys;
using ::testing::Not;
using testing::received;
using testing::service_keys;
using ::testing::SizeIs;
using testing::uuid;

AnonymousVote vote(int number) {
  return {.election = 12, .machine = 3, .choice = 4, .uuid = uuid(number)};
}

ReceivedMessage recorded(int number) { return received(wire::record_message(vote(number))); }

// A ballot box in memory that fails when a test wants it to.
class FakeBallotBox final : public BallotBox {
 public:
  std::function<absl::Status()> before_storing = [] { return absl::OkStatus(); };
  int calls = 0;
  std::int64_t refused = -1;  // the choice that the database does not accept
  std::int64_t sealed = -1;   // the election that is sealed
  std::int64_t delayed = -1;  // the choice with which the database fails
  std::map<Hash128, Ballot> stored;

  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    ++calls;
    if (auto status = before_storing(); !status.ok()) return status;
    std::vector<BallotOutcome> outcomes;
    for (const Ballot& ballot : ballots) outcomes.push_back(record(ballot));
    return outcomes;
  }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts{}; }
  absl::Status check() override { return absl::OkStatus(); }
  absl::Status migrate() override { return absl::OkStatus(); }

 private:
  BallotOutcome record(const Ballot& ballot) {
    if (ballot.choice == refused) return BallotOutcome::kRefused;
    if (ballot.election == sealed) return BallotOutcome::kSealed;
    if (ballot.choice == delayed) return BallotOutcome::kDelayed;
    const auto [found, is_new] = stored.try_emplace(ballot.receipt, ballot);
    if (is_new) return BallotOutcome::kRecorded;
    return found->second.content == ballot.content ? BallotOutcome::kRecordedAgain
                                                   : BallotOutcome::kOtherVote;
  }
};

class RecorderHandlerTest : public testing::VoteHandlerTest {
 protected:
  RecorderHandlerTest() : VoteHandlerTest("postgres") {}

  std::vector<Verdict> handle(const std::vector<ReceivedMessage>& batch) {
    return handler.handle(batch, stop.get_token());
  }

  Handler handler_with(ServiceKeys keys) {
    return {{.outbox = outbox,
             .ballots = ballots,
             .postgres = store,
             .clock = clock,
             .readiness = readiness,
             .metrics = registry},
            std::move(keys)};
  }

  FakeBallotBox ballots;
  Handler handler = handler_with({});
};

TEST_F(RecorderHandlerTest, StoresAVoteWithItsReceiptAndAnswersItsMachine) {
  EXPECT_THAT(handle({recorded(1)}), ElementsAre(Verdict::kAck));
  ASSERT_THAT(ballots.stored, SizeIs(1));
  const auto& [receipt_of_it, ballot] = *ballots.stored.begin();
  EXPECT_EQ(receipt_of_it, receipt(12, uuid(1)));
  EXPECT_EQ(ballot.content, content_hash(vote(1)));
  EXPECT_EQ(ballot.election, 12);
  EXPECT_EQ(ballot.machine, 3);
  EXPECT_EQ(ballot.choice, 4);
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].data, R"({"result":"successful","UUID":")" + uuid(1) + "\"}");
  EXPECT_EQ(topic.published()[0].attributes,
            (Attributes{{"function", "result"}, {"machineID", "3"}}));
  expect_votes("recorded", 1);
}

TEST_F(RecorderHandlerTest, TheSameVoteTwiceInABatchAndLaterIsStoredOnceAndAnsweredEachTime) {
  handle({recorded(1), recorded(1)});
  handle({recorded(1)});
  EXPECT_THAT(ballots.stored, SizeIs(1));
  EXPECT_THAT(topic.published(), SizeIs(3));
  expect_votes("recorded", 1);
  expect_votes("recorded again", 2);
}

TEST_F(RecorderHandlerTest, ADifferentVoteWithAKnownUuidIsRejectedAndAffectsNoOther) {
  AnonymousVote other = vote(1);
  other.choice = 2;
  EXPECT_THAT(handle({recorded(1), received(wire::record_message(other)), recorded(2)}),
              Each(Verdict::kAck));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(3));
  EXPECT_THAT(out[0].data, HasSubstr("successful"));
  EXPECT_THAT(out[1].data, AllOf(HasSubstr("Rejected"), HasSubstr("UUID belongs to a different"),
                                 HasSubstr(uuid(1))));
  EXPECT_THAT(out[2].data, HasSubstr("successful"));
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].data, "");
  expect_votes("uuid reused", 1);
  expect_votes("recorded", 2);
}

TEST_F(RecorderHandlerTest, AVoteThatTheDatabaseRefusesIsRejectedAndAffectsNoOther) {
  ballots.refused = 2;
  AnonymousVote refused = vote(1);
  refused.choice = 2;
  EXPECT_THAT(handle({received(wire::record_message(refused)), recorded(2)}), Each(Verdict::kAck));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_THAT(out[0].data, AllOf(HasSubstr("Rejected"), HasSubstr(uuid(1))));
  EXPECT_EQ(out[0].attribute("machineID"), "3");
  EXPECT_THAT(out[1].data, HasSubstr("successful"));
  EXPECT_THAT(quarantine.published(), SizeIs(1));
  expect_votes("refused", 1);
  expect_votes("recorded", 1);
}

TEST_F(RecorderHandlerTest, AVoteThatComesAfterTheSealIsRejectedAndQuarantined) {
  ballots.sealed = 12;
  EXPECT_THAT(handle({recorded(1)}), Each(Verdict::kAck));
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_THAT(topic.published()[0].data,
              AllOf(HasSubstr("Rejected"), HasSubstr("the election is closed")));
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].attribute("reason"), "the election is closed");
  expect_votes("sealed", 1);
}

TEST_F(RecorderHandlerTest, AVoteThatIsDelayedIsGivenBackAndAffectsNoOther) {
  ballots.delayed = 2;
  AnonymousVote delayed = vote(1);
  delayed.choice = 2;
  const ReceivedMessage message = received(wire::record_message(delayed));
  EXPECT_THAT(handle({recorded(2), message, recorded(3)}),
              ElementsAre(Verdict::kAck, Verdict::kNack, Verdict::kAck));
  EXPECT_THAT(topic.published(), SizeIs(2));
  EXPECT_THAT(quarantine.published(), IsEmpty());
  EXPECT_THAT(metrics(), HasSubstr("pollbus_dependency_up{dependency=\"postgres\"} 0\n"));
  ballots.delayed = -1;
  EXPECT_THAT(handle({message}), ElementsAre(Verdict::kAck));
  EXPECT_THAT(topic.published(), SizeIs(3));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_dependency_up{dependency=\"postgres\"} 1\n"));
  expect_votes("recorded", 3);
}

TEST_F(RecorderHandlerTest, StoresBeforeItAnswers) {
  std::vector<std::string> steps;
  ballots.before_storing = [&] {
    steps.push_back("store");
    return absl::OkStatus();
  };
  topic.on_publish = [&](auto) {
    steps.push_back("answer");
    return absl::OkStatus();
  };
  handle({recorded(1)});
  EXPECT_THAT(steps, ElementsAre("store", "answer"));
}

TEST_F(RecorderHandlerTest, WhileTheBallotBoxFailsTheBatchIsHeldAndNothingIsAnswered) {
  ballots.before_storing = [&] {
    EXPECT_EQ(topic.tries(), 0);
    return ballots.calls < 4 ? absl::UnavailableError("postgres is away") : absl::OkStatus();
  };
  EXPECT_THAT(handle({recorded(1)}), ElementsAre(Verdict::kAck));
  EXPECT_EQ(ballots.calls, 4);
  EXPECT_THAT(topic.published(), SizeIs(1));
  EXPECT_THAT(quarantine.published(), IsEmpty());
  expect_votes("recorded", 1);
}

TEST_F(RecorderHandlerTest, AnAnswerThatFailsIsRepeatedAndNothingIsStoredAgain) {
  topic.on_publish = [&](auto) {
    return topic.tries() < 2 ? absl::UnavailableError("the bus is away") : absl::OkStatus();
  };
  EXPECT_THAT(handle({recorded(1), recorded(2)}), Each(Verdict::kAck));
  EXPECT_EQ(topic.tries(), 3);
  EXPECT_EQ(ballots.calls, 1);
}

TEST_F(RecorderHandlerTest, AStopWhileTheBallotBoxFailsGivesTheBatchBack) {
  ballots.before_storing = [&] {
    stop.request_stop();
    return absl::UnavailableError("postgres is away");
  };
  EXPECT_THAT(handle({recorded(1), recorded(2)}), ElementsAre(Verdict::kNack, Verdict::kNack));
  EXPECT_EQ(topic.tries(), 0);
  expect_votes("recorded", 0);
}

TEST_F(RecorderHandlerTest, AStopWhileTheBusFailsGivesTheBatchBackAndTheNextAttemptAnswers) {
  topic.on_publish = [&](auto) {
    stop.request_stop();
    return absl::UnavailableError("the bus is away");
  };
  EXPECT_THAT(handle({recorded(1)}), Each(Verdict::kNack));
  EXPECT_THAT(ballots.stored, SizeIs(1));
  topic.on_publish = [](auto) { return absl::OkStatus(); };
  stop = std::stop_source();
  EXPECT_THAT(handle({recorded(1)}), Each(Verdict::kAck));
  EXPECT_THAT(ballots.stored, SizeIs(1));
  EXPECT_THAT(topic.published(), SizeIs(1));
}

TEST_F(RecorderHandlerTest, AnInvalidMessageIsRejectedAndAffectsNoOther) {
  Message bad = wire::record_message(vote(2));
  bad.data.insert(1, R"("voting":4,)");
  EXPECT_THAT(handle({recorded(1), received(bad, "77"), recorded(3)}), Each(Verdict::kAck));
  EXPECT_THAT(ballots.stored, SizeIs(2));
  int successful = 0;
  int rejected = 0;
  for (const Message& message : topic.published()) {
    if (message.data.find("successful") != std::string::npos) ++successful;
    if (message.data.find("Rejected") == std::string::npos) continue;
    ++rejected;
    EXPECT_THAT(message.data, HasSubstr(uuid(2)));
  }
  EXPECT_EQ(successful, 2);
  EXPECT_EQ(rejected, 1);
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].data, "");
  EXPECT_EQ(quarantine.published()[0].attribute("messageId"), "77");
  EXPECT_EQ(quarantine.published()[0].attribute("function"), "record vote");
  expect_votes("recorded", 2);
  expect_votes("rejected", 1);
}

TEST_F(RecorderHandlerTest, StraysAreAckedAndHaveNoEffect) {
  EXPECT_THAT(handle({received({"{}", {{"function", "result"}}}),
                      received({wire::encode(vote(1)), {{"function", "submit vote"}}}),
                      received({wire::encode(vote(1)), {}})}),
              ElementsAre(Verdict::kAck, Verdict::kAck, Verdict::kAck));
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_EQ(quarantine.tries(), 0);
  EXPECT_EQ(ballots.calls, 0);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_strays_total 3\n"));
}

TEST_F(RecorderHandlerTest, LogsNoChoiceAndNoUuid) {
  AnonymousVote canary = vote(1);
  canary.choice = 1234567;
  ::testing::internal::CaptureStderr();
  set_up_logging("voting-recorder", LogFormat::kText, LogLevel::kDebug);
  ballots.before_storing = [&] {
    return ballots.calls < 3 ? absl::UnavailableError("postgres is away") : absl::OkStatus();
  };
  Message bad = wire::record_message(canary);
  bad.data.insert(1, R"("machine_ID":3,)");
  handle({received(wire::record_message(canary)), received(bad), received({bad.data, {}})});
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("postgres is away"));
  EXPECT_THAT(log, Not(HasSubstr("1234567")));
  EXPECT_THAT(log, Not(HasSubstr(uuid(1))));
}

class RecorderKeysTest : public RecorderHandlerTest {
 protected:
  static Message from_logger(Message message) {
    authenticate(service_keys(), {&message, 1});
    return message;
  }
  void expect_quarantined(const ReceivedMessage& message) {
    EXPECT_THAT(handler.handle(std::vector{message}, {}), ElementsAre(Verdict::kAck));
    EXPECT_THAT(ballots.stored, IsEmpty());
    EXPECT_THAT(topic.published(), IsEmpty());
    ASSERT_THAT(quarantine.published(), SizeIs(1));
    EXPECT_EQ(quarantine.published()[0].attribute("reason"), "not authenticated");
    EXPECT_EQ(quarantine.published()[0].attribute("messageId"), message.id);
    EXPECT_THAT(metrics(),
                HasSubstr("pollbus_not_authenticated_total{function=\"record vote\"} 1\n"));
  }

  Handler handler = handler_with(service_keys());
};

TEST_F(RecorderKeysTest, AVoteWithTheMacOfTheLoggersIsStoredAndAnsweredWithAMac) {
  handler.handle(std::vector{received(from_logger(wire::record_message(vote(1))))}, {});
  EXPECT_THAT(ballots.stored, SizeIs(1));
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_TRUE(is_authentic(machine_keys(3), 3, received(topic.published()[0])));
}

TEST_F(RecorderKeysTest, AVoteWithoutAMacIsQuarantinedAndNotAnswered) {
  expect_quarantined(recorded(1));
}

TEST_F(RecorderKeysTest, AVoteWithTheMacOfAnotherVoteIsQuarantinedAndNotAnswered) {
  Message forged = wire::record_message(vote(2));
  forged.attributes = from_logger(wire::record_message(vote(1))).attributes;
  expect_quarantined(received(forged, "77"));
}

TEST_F(RecorderKeysTest, AVoteThatAMachineMakesWithItsOwnKeysIsQuarantined) {
  Message forged = wire::record_message(vote(1));
  authenticate(machine_keys(3), 3, {&forged, 1});
  expect_quarantined(received(forged));
}

TEST_F(RecorderKeysTest, AnInvalidMessageIsNotParsedBeforeItsMacIsChecked) {
  Message bad = wire::record_message(vote(1));
  bad.data.insert(1, R"("voting":4,)");
  expect_quarantined(received(bad));
}

}  // namespace
}  // namespace pollbus::voting_recorder
