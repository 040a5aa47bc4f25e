#include "voting_logger/handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/logging.h"
#include "election/messages.h"
#include "support/vote_handler_test.h"

namespace pollbus::voting_logger {
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

constexpr char kRecord[] = "record vote";
constexpr char kResult[] = "result";

SubmittedVote vote(int number, std::int64_t voter) {
  return {.election = 12,
          .machine = 3,
          .voter = voter,
          .choice = 4,
          .uuid = uuid(number),
          .timestamp_ms = 1709908090964};
}

ReceivedMessage submitted(int number, std::int64_t voter) {
  return received(wire::submit_message(vote(number, voter)));
}

// A voter register in memory that fails when a test wants it to.
class FakeVoterRegister final : public VoterRegister {
 public:
  std::function<absl::Status()> before_marking = [] { return absl::OkStatus(); };
  int calls = 0;
  std::int64_t refused = -1;  // the voter who cannot be marked

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    ++calls;
    if (auto status = before_marking(); !status.ok()) return status;
    std::vector<MarkOutcome> outcomes;
    for (const Mark& mark : marks) {
      const auto [found, is_new] =
          marked.try_emplace({mark.election, mark.voter}, mark.fingerprint);
      outcomes.push_back(mark.voter == refused               ? MarkOutcome::kRefused
                         : is_new                            ? MarkOutcome::kMarked
                         : found->second == mark.fingerprint ? MarkOutcome::kSameVoteAgain
                                                             : MarkOutcome::kOtherVote);
    }
    return outcomes;
  }
  absl::Status check() override { return absl::OkStatus(); }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts{}; }

  std::map<std::pair<std::int64_t, std::int64_t>, KeyedHash> marked;
};

class LoggerHandlerTest : public testing::VoteHandlerTest {
 protected:
  LoggerHandlerTest() : VoteHandlerTest("redis") {}

  std::vector<Verdict> handle(const std::vector<ReceivedMessage>& batch) {
    return handler.handle(batch, stop.get_token());
  }

  Handler handler_with(ServiceKeys keys) {
    return {{.outbox = outbox,
             .voters = voters,
             .redis = store,
             .clock = clock,
             .readiness = readiness,
             .metrics = registry},
            key,
            std::move(keys)};
  }

  FakeVoterRegister voters;
  Handler handler = handler_with({});
};

TEST(DecideTest, AVoteThatMarksItsVoterNowOrDidSoBeforeIsForwarded) {
  for (const auto outcome : {MarkOutcome::kMarked, MarkOutcome::kSameVoteAgain}) {
    const Message message = decide(vote(1, 43), outcome);
    EXPECT_EQ(message.attributes, (Attributes{{"function", "record vote"}}));
    EXPECT_EQ(message.data,
              R"({"machine_ID":3,"voting":4,"election_ID":12,"UUID":")" + uuid(1) + "\"}");
  }
}

TEST(DecideTest, AVoteOfAVoterWhomAnotherVoteHasMarkedIsAnswered) {
  const Message message = decide(vote(1, 43), MarkOutcome::kOtherVote);
  EXPECT_EQ(message.attributes, (Attributes{{"function", "result"}, {"machineID", "3"}}));
  EXPECT_EQ(message.data, R"({"result":"Already Voted!!!","UUID":")" + uuid(1) + "\"}");
}

TEST(DecideTest, OutgoingMessagesContainNeitherVoterNorTime) {
  const SubmittedVote canary{.election = 12,
                             .machine = 3,
                             .voter = 987654321,
                             .choice = 4,
                             .uuid = uuid(1),
                             .timestamp_ms = 1234567890123};
  for (const auto outcome :
       {MarkOutcome::kMarked, MarkOutcome::kSameVoteAgain, MarkOutcome::kOtherVote}) {
    const Message message = decide(canary, outcome);
    for (const char* secret : {"987654321", "1234567890123", "voter", "timestamp"})
      EXPECT_THAT(message.data, Not(HasSubstr(secret)));
    EXPECT_EQ(message.attributes.count("voter_ID"), 0U);
  }
}

TEST_F(LoggerHandlerTest, LetsEachVoterThroughOnce) {
  EXPECT_THAT(handle({submitted(1, 43), submitted(2, 44), submitted(3, 43)}),
              ElementsAre(Verdict::kAck, Verdict::kAck, Verdict::kAck));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(3));
  EXPECT_EQ(out[0].attribute("function"), kRecord);
  EXPECT_EQ(out[1].attribute("function"), kRecord);
  EXPECT_EQ(out[2].attribute("function"), kResult);
  EXPECT_THAT(out[2].data, HasSubstr(uuid(3)));
  EXPECT_THAT(quarantine.published(), IsEmpty());
  expect_votes("forwarded", 2);
  expect_votes("already voted", 1);
}

TEST_F(LoggerHandlerTest, TheSameVoteTwiceInABatchIsForwardedTwice) {
  handle({submitted(1, 43), submitted(1, 43)});
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(out[0].data, out[1].data);
  EXPECT_EQ(out[0].attribute("function"), kRecord);
  expect_votes("forwarded", 1);
  expect_votes("forwarded again", 1);
}

TEST_F(LoggerHandlerTest, TheSameUuidWithAnotherChoiceIsAnotherVote) {
  handle({submitted(1, 43)});
  SubmittedVote changed = vote(1, 43);
  changed.choice = 2;
  handle({received(wire::submit_message(changed))});
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(out[1].attribute("function"), kResult);
}

TEST_F(LoggerHandlerTest, MarksBeforeItPublishesAndPublishesBeforeItReturns) {
  std::vector<std::string> steps;
  voters.before_marking = [&] {
    steps.push_back("mark");
    return absl::OkStatus();
  };
  topic.on_publish = [&](auto) {
    steps.push_back("publish");
    return absl::OkStatus();
  };
  handle({submitted(1, 43)});
  EXPECT_THAT(steps, ElementsAre("mark", "publish"));
}

TEST_F(LoggerHandlerTest, WhileTheRegisterFailsTheBatchIsHeldAndNothingIsAnswered) {
  voters.before_marking = [&] {
    EXPECT_EQ(topic.tries(), 0);
    return voters.calls < 4 ? absl::UnavailableError("redis is away") : absl::OkStatus();
  };
  EXPECT_THAT(handle({submitted(1, 43)}), ElementsAre(Verdict::kAck));
  EXPECT_EQ(voters.calls, 4);
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].attribute("function"), kRecord);
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(LoggerHandlerTest, APublishThatFailsIsRepeatedAndMarksNothingAgain) {
  topic.on_publish = [&](auto) {
    return topic.tries() < 2 ? absl::UnavailableError("the bus is away") : absl::OkStatus();
  };
  EXPECT_THAT(handle({submitted(1, 43), submitted(2, 44)}), Each(Verdict::kAck));
  EXPECT_EQ(topic.tries(), 3);
  EXPECT_THAT(topic.published(), SizeIs(2));
  EXPECT_EQ(voters.calls, 1);
}

TEST_F(LoggerHandlerTest, AStopWhileTheRegisterFailsGivesTheBatchBack) {
  voters.before_marking = [&] {
    stop.request_stop();
    return absl::UnavailableError("redis is away");
  };
  EXPECT_THAT(handle({submitted(1, 43), submitted(2, 44)}),
              ElementsAre(Verdict::kNack, Verdict::kNack));
  EXPECT_EQ(topic.tries(), 0);
}

TEST_F(LoggerHandlerTest, AStopWhileTheBusFailsGivesTheBatchBackAndTheNextAttemptForwardsTheSame) {
  topic.on_publish = [&](auto) {
    stop.request_stop();
    return absl::UnavailableError("the bus is away");
  };
  const std::vector<ReceivedMessage> batch{submitted(1, 43), submitted(2, 43)};
  EXPECT_THAT(handle(batch), Each(Verdict::kNack));
  topic.on_publish = [](auto) { return absl::OkStatus(); };
  stop = std::stop_source();
  EXPECT_THAT(handle(batch), Each(Verdict::kAck));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(out[0].attribute("function"), kRecord);
  EXPECT_EQ(out[1].attribute("function"), kResult);
  expect_votes("forwarded again", 1);
}

TEST_F(LoggerHandlerTest, AnInvalidMessageIsRejectedAndAffectsNoOther) {
  Message bad = wire::submit_message(vote(2, 44));
  const std::string choice = "\"voting\":4";
  bad.data.replace(bad.data.find(choice), choice.size(), "\"voting\":0.5");
  EXPECT_THAT(handle({submitted(1, 43), received(bad, "77"), submitted(3, 45)}),
              Each(Verdict::kAck));
  EXPECT_THAT(voters.marked, SizeIs(2));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(3));
  int records = 0;
  for (const Message& message : out) {
    if (message.attribute("function") == kRecord) ++records;
    if (message.attribute("function") != kResult) continue;
    EXPECT_EQ(message.attribute("machineID"), "3");
    EXPECT_THAT(message.data, HasSubstr("Rejected"));
    EXPECT_THAT(message.data, HasSubstr(uuid(2)));
  }
  EXPECT_EQ(records, 2);
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  const Message notice = quarantine.published()[0];
  EXPECT_EQ(notice.data, "");
  EXPECT_EQ(notice.attribute("messageId"), "77");
  EXPECT_EQ(notice.attribute("function"), "submit vote");
  EXPECT_THAT(notice.attribute("reason"), HasSubstr("voting"));
  expect_votes("rejected", 1);
}

TEST_F(LoggerHandlerTest, AnInvalidMessageWithoutASenderIsQuarantinedWithoutAnAnswer) {
  EXPECT_THAT(handle({received({"not JSON", {{"function", "submit vote"}}})}), Each(Verdict::kAck));
  EXPECT_THAT(topic.published(), IsEmpty());
  EXPECT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(voters.calls, 0);
}

TEST_F(LoggerHandlerTest, AVoterWhoCannotBeMarkedIsRejectedAndAffectsNoOther) {
  voters.refused = 44;
  EXPECT_THAT(handle({submitted(1, 43), submitted(2, 44), submitted(3, 45)}), Each(Verdict::kAck));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(3));
  EXPECT_EQ(out[0].attribute("function"), kRecord);
  EXPECT_EQ(out[1].attribute("function"), kResult);
  EXPECT_EQ(out[1].attribute("machineID"), "3");
  EXPECT_THAT(out[1].data, AllOf(HasSubstr("Rejected"), HasSubstr(uuid(2)), Not(HasSubstr("44,"))));
  EXPECT_EQ(out[2].attribute("function"), kRecord);
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_EQ(quarantine.published()[0].data, "");
  EXPECT_THAT(quarantine.published()[0].attribute("reason"), HasSubstr("cannot mark"));
  expect_votes("forwarded", 2);
  expect_votes("refused", 1);
}

TEST_F(LoggerHandlerTest, StraysAreAckedAndHaveNoEffect) {
  const std::vector<ReceivedMessage> strays{
      received({"{}", {{"function", "result"}, {"machineID", "3"}}}),
      received(wire::record_message({.election = 1, .machine = 1, .choice = 1, .uuid = uuid(9)})),
      received({wire::encode(vote(1, 43)), {}})};
  EXPECT_THAT(handle(strays), ElementsAre(Verdict::kAck, Verdict::kAck, Verdict::kAck));
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_EQ(quarantine.tries(), 0);
  EXPECT_EQ(voters.calls, 0);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_strays_total 3\n"));
}

TEST_F(LoggerHandlerTest, StraysAmongVotesDoNotShiftTheVerdicts) {
  EXPECT_THAT(handle({received({"{}", {{"function", "result"}}}), submitted(1, 43),
                      received({"{}", {{"function", "result"}}}), submitted(2, 43)}),
              SizeIs(4));
  const auto out = topic.published();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_THAT(out[0].data, HasSubstr(uuid(1)));
  EXPECT_THAT(out[1].data, HasSubstr(uuid(2)));
}

TEST_F(LoggerHandlerTest, LogsNeitherVoterNorChoice) {
  SubmittedVote canary = vote(1, 987654321);
  canary.choice = 1234567;
  ::testing::internal::CaptureStderr();
  set_up_logging("voting-logger", LogFormat::kText, LogLevel::kDebug);
  voters.before_marking = [&] {
    return voters.calls < 3 ? absl::UnavailableError("redis is away") : absl::OkStatus();
  };
  Message bad = wire::submit_message(canary);
  bad.data.insert(1, R"("machine_ID":3,)");
  handle({received(wire::submit_message(canary)), received(bad), received({bad.data, {}})});
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("redis is away"));
  EXPECT_THAT(log, Not(HasSubstr("987654321")));
  EXPECT_THAT(log, Not(HasSubstr("1234567")));
}

class LoggerKeysTest : public LoggerHandlerTest {
 protected:
  ReceivedMessage from_machine(std::int64_t machine, Message message) const {
    authenticate(machine_keys(machine), machine, {&message, 1});
    return received(std::move(message), "77");
  }
  ReceivedMessage from_machine(std::int64_t machine, int number, std::int64_t voter) const {
    return from_machine(machine, wire::submit_message(vote(number, voter)));
  }
  void expect_quarantined(const ReceivedMessage& message) {
    EXPECT_THAT(handler.handle(std::vector{message}, {}), ElementsAre(Verdict::kAck));
    EXPECT_THAT(voters.marked, IsEmpty());
    EXPECT_THAT(topic.published(), IsEmpty());
    ASSERT_THAT(quarantine.published(), SizeIs(1));
    EXPECT_EQ(quarantine.published()[0].data, "");
    EXPECT_EQ(quarantine.published()[0].attribute("reason"), "not authenticated");
    EXPECT_EQ(quarantine.published()[0].attribute("messageId"), message.id);
    EXPECT_THAT(metrics(),
                HasSubstr("pollbus_not_authenticated_total{function=\"submit vote\"} 1\n"));
  }

  Handler handler = handler_with(service_keys());
};

TEST_F(LoggerKeysTest, AVoteWithTheMacOfItsMachineIsForwardedWithTheMacOfTheLoggers) {
  handler.handle(std::vector{from_machine(3, 1, 43)}, {});
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].attribute("function"), kRecord);
  EXPECT_TRUE(is_authentic(service_keys(), received(topic.published()[0])));
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(LoggerKeysTest, AnAnswerHasTheMacForItsMachine) {
  handler.handle(std::vector{from_machine(3, 1, 43), from_machine(3, 2, 43)}, {});
  ASSERT_THAT(topic.published(), SizeIs(2));
  EXPECT_TRUE(is_authentic(machine_keys(3), 3, received(topic.published()[1])));
}

TEST_F(LoggerKeysTest, AVoteWithoutAMacIsQuarantinedAndNotAnswered) {
  expect_quarantined(submitted(1, 43));
}

TEST_F(LoggerKeysTest, AVoteWithTheMacOfAnotherMachineIsQuarantinedAndNotAnswered) {
  expect_quarantined(from_machine(4, 1, 43));  // the vote says that it is of machine 3
}

TEST_F(LoggerKeysTest, AnInvalidVoteInTheNameOfAnotherMachineIsNotAnswered) {
  Message bad = wire::submit_message(vote(1, 43));
  bad.data.insert(1, R"("voting":4,)");
  expect_quarantined(from_machine(4, bad));
}

TEST_F(LoggerKeysTest, AnInvalidMessageIsNotParsedBeforeItsMacIsChecked) {
  expect_quarantined(received({"not JSON", {{"function", "submit vote"}}}, "77"));
}

TEST_F(LoggerKeysTest, AnInvalidVoteOfTheMachineIsAnsweredWithAMac) {
  Message bad = wire::submit_message(vote(1, 43));
  bad.data.insert(1, R"("voting":4,)");
  handler.handle(std::vector{from_machine(3, bad)}, {});
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_TRUE(is_authentic(machine_keys(3), 3, received(topic.published()[0])));
}

TEST_F(LoggerKeysTest, ForgeriesAmongVotesAffectNoOther) {
  const auto verdicts =
      handler.handle(std::vector{submitted(1, 43), from_machine(3, 2, 43), submitted(3, 44)}, {});
  EXPECT_THAT(verdicts, AllOf(SizeIs(3), Each(Verdict::kAck)));
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_THAT(topic.published()[0].data, HasSubstr(uuid(2)));
}

}  // namespace
}  // namespace pollbus::voting_logger
