#include "voting_recorder/office_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "election/election_test_events.h"
#include "support/vote_handler_test.h"

namespace pollbus::voting_recorder {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::received;
using ::testing::SizeIs;
using testing::uuid;
using wire::CommandResult;
using Kind = ApplyOutcome::Kind;

// Events in memory. Fails, or lets another official be faster, when a test wants it to.
class FakeEventStore final : public EventStore {
 public:
  std::function<absl::Status()> before_applying = [] { return absl::OkStatus(); };
  std::map<std::int64_t, std::vector<SignedEvent>> stored;
  std::string refusal;
  StoredVotes votes_of_all;
  std::int64_t now = kNoon;
  int reads = 0;

  absl::StatusOr<std::vector<SignedEvent>> events(std::int64_t election,
                                                  std::int64_t from) override {
    std::vector<SignedEvent> events = stored[election];
    const auto skipped = std::min<std::int64_t>(from - 1, static_cast<std::int64_t>(events.size()));
    events.erase(events.begin(), events.begin() + skipped);
    reads += static_cast<int>(events.size());
    return events;
  }
  absl::StatusOr<std::vector<std::int64_t>> elections(
      const std::optional<std::string>& event) override {
    std::vector<std::int64_t> elections;
    for (const auto& [election, events] : stored) {
      if (!events.empty() && (!event || *event == "City 2026")) elections.push_back(election);
    }
    return elections;
  }
  absl::StatusOr<ApplyOutcome> apply(const NewEvent& event) override {
    const auto step = before_applying;  // which may set another one for the next event
    if (const auto status = step(); !status.ok()) return status;
    auto& events = stored[event.event.election];
    if (event.event.sequence <= static_cast<std::int64_t>(events.size()))
      return ApplyOutcome{Kind::kTaken, ""};
    if (!refusal.empty()) return ApplyOutcome{Kind::kRefused, refusal};
    events.push_back(event.signed_event);
    return ApplyOutcome{Kind::kApplied, ""};
  }
  absl::StatusOr<StoredVotes> votes(std::int64_t) override { return votes_of_all; }
  absl::StatusOr<std::int64_t> now_utc_ms() override { return now; }
  void stop_with(std::stop_token) override {}
};

class OfficeHandlerTest : public testing::VoteHandlerTest {
 protected:
  OfficeHandlerTest() : VoteHandlerTest("postgres") {}

  OfficeHandler handler_with(ServiceKeys keys, std::optional<OfficePublicKey> office_key) {
    return OfficeHandler({.outbox = outbox,
                          .events = events,
                          .postgres = store,
                          .clock = clock,
                          .readiness = readiness,
                          .metrics = registry},
                         std::move(office_key), std::move(keys));
  }

  ReceivedMessage command(const std::string& data) const {
    return received(
        wire::office_command_message(data, wire::kToRecorder, "0a0b", office.sign(data)));
  }
  // Commands the event and returns the answer.
  wire::OfficeAnswer apply(const Event& event) { return answer_to(command(encode(event))); }
  // The next event of the office.
  wire::OfficeAnswer apply(EventKind kind) {
    const Event event = writer.next(kind);
    EXPECT_TRUE(writer.apply(event).ok());
    return apply(event);
  }
  wire::OfficeAnswer ask(const wire::OfficeRequest& request) {
    return answer_to(command(encode(request)));
  }

  wire::OfficeAnswer answer_to(const ReceivedMessage& message) {
    EXPECT_THAT(handler.handle(std::vector{message}, stop.get_token()), ElementsAre(Verdict::kAck));
    const auto published = topic.published();
    if (published.size() != ++answers) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    EXPECT_EQ(published.back().attribute("function"), "office answer");
    EXPECT_EQ(published.back().attribute("officeID"), "0a0b");
    auto answer = wire::parse_office_answer(published.back().data);
    EXPECT_TRUE(answer.ok()) << answer.status() << published.back().data;
    EXPECT_EQ(answer->from, "recorder");
    EXPECT_EQ(answer->request, sha256(message.data));
    return *std::move(answer);
  }

  const OfficePrivateKey office = OfficePrivateKey::generate();
  EventWriter writer{test_definition("open")};
  FakeEventStore events;
  OfficeHandler handler = handler_with({}, office.public_key());
  std::size_t answers = 0;
};

TEST_F(OfficeHandlerTest, AnEventIsStoredAsItWasSignedAndAnsweredWithTheNewState) {
  const auto answer = apply(EventKind::kDefine);
  EXPECT_EQ(answer.result, CommandResult::kApplied);
  EXPECT_EQ(answer.kind, "define");
  EXPECT_EQ(answer.election, 12);
  ASSERT_TRUE(answer.state);
  EXPECT_EQ(answer.state->phase, Phase::kDefined);
  EXPECT_EQ(answer.state->sequence, 1);
  EXPECT_EQ(answer.state->last, writer.state->last);
  EXPECT_EQ(answer.now_utc_ms, kNoon);
  ASSERT_THAT(events.stored[12], SizeIs(1));
  EXPECT_TRUE(
      office.public_key().verifies(events.stored[12][0].data, events.stored[12][0].signature));
}

TEST_F(OfficeHandlerTest, TheSameEventAgainIsAlreadyApplied) {
  const Event define = writer.next(EventKind::kDefine);
  apply(define);
  EXPECT_EQ(apply(define).result, CommandResult::kAlreadyApplied);
  EXPECT_THAT(events.stored[12], SizeIs(1));
}

TEST_F(OfficeHandlerTest, TheSecondOfTwoOfficialsIsToldWhatTheFirstDid) {
  apply(EventKind::kDefine);
  const Event open = writer.next(EventKind::kOpen);
  const Event close = writer.next(EventKind::kClose, kNoon + kHour);
  EXPECT_EQ(apply(open).result, CommandResult::kApplied);
  const auto answer = apply(close);
  EXPECT_EQ(answer.result, CommandResult::kRefused);
  EXPECT_THAT(answer.reason,
              AllOf(HasSubstr("event 2"), HasSubstr("open"), HasSubstr("2026-12-01T12:00:00Z")));
  ASSERT_THAT(answer.events, SizeIs(1));
  EXPECT_EQ(answer.events[0].data, encode(open));
}

TEST_F(OfficeHandlerTest, AnOfficialWhoIsFasterInBetweenIsNoticed) {
  apply(EventKind::kDefine);
  const Event open = writer.next(EventKind::kOpen);
  const Event other = writer.next(EventKind::kOpen, kNoon + 1'000);
  events.before_applying = [&] {
    events.before_applying = [] { return absl::OkStatus(); };
    events.stored[12].push_back({encode(other), office.sign(encode(other))});
    return absl::OkStatus();
  };
  EXPECT_EQ(apply(open).result, CommandResult::kRefused);
  EXPECT_EQ(apply(other).result, CommandResult::kAlreadyApplied);
}

TEST_F(OfficeHandlerTest, EventsThatDoNotFitTheChainAreRefusedWithASentence) {
  EXPECT_EQ(apply(writer.next(EventKind::kOpen)).result, CommandResult::kRefused);
  apply(EventKind::kDefine);
  Event gap = writer.next(EventKind::kOpen);
  gap.sequence = 3;
  Event fork = writer.next(EventKind::kOpen);
  fork.previous.fill(7);
  for (const Event& event : {gap, fork, writer.next(EventKind::kResume)}) {
    const auto answer = apply(event);
    EXPECT_EQ(answer.result, CommandResult::kRefused);
    EXPECT_NE(answer.reason, "");
    EXPECT_EQ(answer.state->sequence, 1);
  }
  EXPECT_THAT(events.stored[12], SizeIs(1));
}

TEST_F(OfficeHandlerTest, ASealThatTheStoreRefusesIsAnsweredWithTheNumberOfRows) {
  for (const EventKind kind : {EventKind::kDefine, EventKind::kOpen, EventKind::kClose})
    apply(kind);
  events.refusal = "4 votes are stored, and 5 voters are marked";
  events.votes_of_all.rows = 4;
  const Event seal = writer.next(EventKind::kSeal);
  const auto refused = apply(seal);
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  EXPECT_EQ(refused.reason, events.refusal);
  EXPECT_EQ(refused.rows, 4);
  EXPECT_EQ(refused.state->phase, Phase::kClosed);
  events.refusal = "";
  EXPECT_EQ(apply(seal).result, CommandResult::kApplied);
}

TEST_F(OfficeHandlerTest, CommandsWithoutTheOfficesSignatureChangeNothingAndAreNotAnswered) {
  const std::string data = encode(writer.next(EventKind::kDefine));
  const std::string other = OfficePrivateKey::generate().sign(data);
  for (const std::string& signature :
       {std::string(), other, office.sign(data + " "), office.sign(data).substr(0, 126)}) {
    const auto message =
        received(wire::office_command_message(data, wire::kToRecorder, "0a0b", signature));
    EXPECT_THAT(handler.handle(std::vector{message}, stop.get_token()), Each(Verdict::kAck));
  }
  EXPECT_THAT(events.stored[12], IsEmpty());
  EXPECT_THAT(topic.published(), IsEmpty());
  ASSERT_THAT(quarantine.published(), SizeIs(4));
  for (const Message& notice : quarantine.published()) {
    EXPECT_EQ(notice.attribute("reason"), "not authenticated");
    EXPECT_EQ(notice.data, "");
  }
}

TEST_F(OfficeHandlerTest, WithoutTheOfficesKeyNoCommandIsAccepted) {
  OfficeHandler keyless = handler_with({}, std::nullopt);
  keyless.handle(std::vector{command(encode(writer.next(EventKind::kDefine)))}, stop.get_token());
  EXPECT_THAT(events.stored[12], IsEmpty());
  EXPECT_THAT(quarantine.published(), SizeIs(1));
}

TEST_F(OfficeHandlerTest, CommandsForTheLoggerAndOtherMessagesAreStrays) {
  const std::string data = encode(writer.next(EventKind::kDefine));
  const std::vector<ReceivedMessage> strays{
      received(wire::office_command_message(data, wire::kToLogger, "0a0b", office.sign(data))),
      received({"{}", {{"function", "record vote"}}}), received({"{}", {}})};
  EXPECT_THAT(handler.handle(strays, stop.get_token()), Each(Verdict::kAck));
  EXPECT_THAT(topic.published(), IsEmpty());
  EXPECT_THAT(quarantine.published(), IsEmpty());
  EXPECT_THAT(metrics(), HasSubstr("pollbus_strays_total 3\n"));
}

TEST_F(OfficeHandlerTest, ASignedMessageThatIsNoCommandIsQuarantined) {
  for (const std::string data : {"{}", "not JSON", R"({"kind":"dissolve","election_ID":12})"})
    handler.handle(std::vector{command(data)}, stop.get_token());
  EXPECT_THAT(topic.published(), IsEmpty());
  EXPECT_THAT(quarantine.published(), SizeIs(3));
}

TEST_F(OfficeHandlerTest, TheHistoryIsAnsweredFromTheEventThatIsAskedFor) {
  apply(EventKind::kDefine);
  apply(EventKind::kOpen);
  wire::OfficeRequest request{.kind = wire::RequestKind::kHistory, .election = 12, .uuid = uuid(1)};
  EXPECT_EQ(ask(request).events, events.stored[12]);
  request.from = 2;
  EXPECT_THAT(ask(request).events, ElementsAre(events.stored[12][1]));
  request.from = 3;
  EXPECT_THAT(ask(request).events, IsEmpty());
}

TEST_F(OfficeHandlerTest, ResultsContainTheTallyOnlyIfTheStoreShowsIt) {
  apply(EventKind::kDefine);
  events.votes_of_all = {.rows = 5, .by_machine = {{.machine = 3, .votes = 5}}, .tally = {}};
  wire::OfficeRequest request{.kind = wire::RequestKind::kResults, .election = 12, .uuid = uuid(1)};
  const auto hidden = ask(request);
  EXPECT_EQ(hidden.rows, 5);
  EXPECT_THAT(hidden.by_machine, ElementsAre(wire::MachineCount{3, 5}));
  EXPECT_EQ(hidden.tally, std::nullopt);
  events.votes_of_all.tally = {{0, 3}, {5, 2}};
  request.uuid = uuid(2);
  EXPECT_EQ(ask(request).tally, events.votes_of_all.tally);
  request.kind = wire::RequestKind::kStatus;
  EXPECT_EQ(ask(request).tally, std::nullopt);
}

TEST_F(OfficeHandlerTest, AStatusWithoutAnElectionListsAllAndOfAnUnknownElectionHasNoState) {
  apply(EventKind::kDefine);
  const auto all = ask({.kind = wire::RequestKind::kStatus, .election = {}, .uuid = uuid(1)});
  ASSERT_THAT(all.elections, SizeIs(1));
  EXPECT_EQ(all.elections[0].election, 12);
  EXPECT_EQ(all.elections[0].state.sequence, 1);
  const auto unknown = ask({.kind = wire::RequestKind::kStatus, .election = 13, .uuid = uuid(2)});
  EXPECT_EQ(unknown.result, CommandResult::kAnswer);
  EXPECT_EQ(unknown.state, std::nullopt);
}

TEST_F(OfficeHandlerTest, ADamagedHistoryIsReportedAndNothingIsAddedToIt) {
  apply(EventKind::kDefine);
  OfficeHandler other = handler_with({}, OfficePrivateKey::generate().public_key());
  events.stored[12][0].signature = std::string(128, '0');
  OfficeHandler restarted = handler_with({}, office.public_key());
  restarted.handle(std::vector{command(encode(writer.next(EventKind::kOpen)))}, stop.get_token());
  const auto answer = wire::parse_office_answer(topic.published().back().data);
  EXPECT_EQ(answer->result, CommandResult::kRefused);
  EXPECT_THAT(answer->reason, HasSubstr("event 1"));
  EXPECT_THAT(events.stored[12], SizeIs(1));
}

TEST_F(OfficeHandlerTest, AHistoryThatWasVerifiedIsNotVerifiedAgain) {
  for (const EventKind kind : {EventKind::kDefine, EventKind::kOpen, EventKind::kPause})
    apply(kind);
  events.reads = 0;
  ask({.kind = wire::RequestKind::kStatus, .election = 12, .uuid = uuid(1)});
  EXPECT_EQ(events.reads, 1);
}

TEST_F(OfficeHandlerTest, WhileTheStoreFailsACommandIsHeld) {
  int tries = 0;
  events.before_applying = [&] {
    EXPECT_EQ(topic.tries(), 0);
    return ++tries < 4 ? absl::UnavailableError("postgres is away") : absl::OkStatus();
  };
  EXPECT_EQ(apply(EventKind::kDefine).result, CommandResult::kApplied);
  EXPECT_EQ(tries, 4);
}

TEST_F(OfficeHandlerTest, AStopWhileTheStoreFailsGivesTheCommandBack) {
  events.before_applying = [&] {
    stop.request_stop();
    return absl::UnavailableError("postgres is away");
  };
  EXPECT_THAT(handler.handle(std::vector{command(encode(writer.next(EventKind::kDefine)))},
                             stop.get_token()),
              ElementsAre(Verdict::kNack));
}

class DescribeTest : public OfficeHandlerTest {
 protected:
  wire::DescribeAnswer describe(const wire::DescribeRequest& request) {
    handler.handle(std::vector{received(wire::describe_message(request))}, stop.get_token());
    const Message message = topic.published().back();
    EXPECT_EQ(message.attribute("function"), "result");
    EXPECT_EQ(message.attribute("machineID"), "3");
    auto answer = wire::parse_describe_answer(message.data);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return *std::move(answer);
  }
};

TEST_F(DescribeTest, AMachineGetsTheEventsOfAnElectionOrOfAllOfAnEvent) {
  apply(EventKind::kDefine);
  apply(EventKind::kOpen);
  const auto one = describe({.election = 12, .event = {}, .machine = 3, .uuid = uuid(1)});
  EXPECT_EQ(one.uuid, uuid(1));
  EXPECT_EQ(one.now_utc_ms, kNoon);
  ASSERT_THAT(one.elections, SizeIs(1));
  EXPECT_EQ(one.elections[0].election, 12);
  EXPECT_EQ(one.elections[0].events, events.stored[12]);
  EXPECT_TRUE(replay(one.elections[0].events, office.public_key()).ok());
  const auto all = describe({.election = {}, .event = "City 2026", .machine = 3, .uuid = uuid(2)});
  EXPECT_THAT(all.elections, SizeIs(1));
}

TEST_F(DescribeTest, AnElectionThatIsNotDefinedIsSaidToBeSo) {
  EXPECT_THAT(describe({.election = 13, .event = {}, .machine = 3, .uuid = uuid(1)}).elections,
              IsEmpty());
  EXPECT_THAT(describe({.election = {}, .event = "No", .machine = 3, .uuid = uuid(2)}).elections,
              IsEmpty());
}

TEST_F(DescribeTest, WithKeysOnlyTheMachineItselfIsAnswered) {
  const RotatingKey result{.current = *HashKey::parse(std::string(64, 'c')), .previous = {}};
  const ServiceKeys keys{.submit = {}, .record = result, .result = result};
  OfficeHandler secured = handler_with(keys, office.public_key());
  const auto ask_as = [&](std::int64_t key_of, std::int64_t named) {
    Message message =
        wire::describe_message({.election = 12, .event = {}, .machine = named, .uuid = uuid(1)});
    authenticate(MachineKeys{.submit = {}, .result = derive_key(result, KeyUse::kResult, key_of)},
                 key_of, {&message, 1});
    secured.handle(std::vector{received(message)}, stop.get_token());
  };
  ask_as(4, 3);
  secured.handle(std::vector{received(wire::describe_message(
                     {.election = 12, .event = {}, .machine = 3, .uuid = uuid(1)}))},
                 stop.get_token());
  EXPECT_THAT(topic.published(), IsEmpty());
  EXPECT_THAT(quarantine.published(), SizeIs(2));
  ask_as(3, 3);
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].attribute("mac").size(), 64u);
}

}  // namespace
}  // namespace pollbus::voting_recorder
