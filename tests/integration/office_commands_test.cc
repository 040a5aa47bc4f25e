// The logger's answers to the office, with a real Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "election/election_test_events.h"
#include "election/messages.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"
#include "support/vote_handler_test.h"
#include "voting_logger/handler.h"
#include "voting_logger/office_handler.h"

namespace pollbus::voting_logger {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::received;
using ::testing::SizeIs;
using testing::uuid;
using wire::CommandResult;
using wire::OfficeAnswer;

constexpr std::int64_t kElection = 12;
constexpr std::size_t kChunkVoters = 2;

std::vector<wire::RollChunk> roll_of(const std::vector<std::int64_t>& voters) {
  std::vector<wire::RollChunk> chunks((voters.size() + kChunkVoters - 1) / kChunkVoters);
  std::vector<Sha256> hashes;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    chunks[i].election = kElection;
    chunks[i].chunk = static_cast<std::int64_t>(i);
    chunks[i].chunks = static_cast<std::int64_t>(chunks.size());
    chunks[i].count = static_cast<std::int64_t>(voters.size());
    for (std::size_t v = i * kChunkVoters; v < std::min(voters.size(), (i + 1) * kChunkVoters); ++v)
      chunks[i].voters.push_back({.voter = voters[v], .code_hash = {}});
    hashes.push_back(sha256(wire::chunk_bytes(chunks[i])));
  }
  for (wire::RollChunk& chunk : chunks) chunk.roll = wire::roll_hash(chunk.salt, hashes);
  return chunks;
}

Event roll_event(const EventWriter& office, const std::vector<wire::RollChunk>& roll) {
  Event event = office.next(EventKind::kRoll);
  event.roll = RollSummary{.count = roll[0].count, .hash = roll[0].roll, .chunks = roll[0].chunks};
  return event;
}

class OfficeCommandsTest : public testing::VoteHandlerTest {
 protected:
  OfficeCommandsTest() : VoteHandlerTest("redis") { signal(SIGPIPE, SIG_IGN); }

  RedisConfig config() const {
    RedisConfig config;
    config.port = redis_.port();
    return config;
  }

  static Message signed_by(const OfficePrivateKey& who, const std::string& data) {
    return wire::office_command_message(data, wire::kToLogger, "ab12", who.sign(data));
  }
  Message command(const std::string& data) { return signed_by(private_key_, data); }

  // What the handler answers to the commands, in order.
  std::vector<OfficeAnswer> answers(const std::vector<Message>& commands) {
    const std::size_t before = topic.published().size();
    std::vector<ReceivedMessage> batch;
    for (const Message& command : commands) batch.push_back(received(command));
    EXPECT_THAT(handler_.handle(batch, stop.get_token()), Each(Verdict::kAck));
    std::vector<OfficeAnswer> answers;
    const auto out = topic.published();
    for (std::size_t i = before; i < out.size(); ++i) {
      EXPECT_EQ(out[i].attribute("function"), "office answer");
      EXPECT_EQ(out[i].attribute("officeID"), "ab12");
      const auto answer = wire::parse_office_answer(out[i].data);
      EXPECT_TRUE(answer.ok()) << answer.status();
      if (answer.ok()) answers.push_back(*answer);
    }
    return answers;
  }
  OfficeAnswer answer(const std::string& data) {
    const auto all = answers({command(data)});
    EXPECT_THAT(all, SizeIs(1));
    return all.empty() ? OfficeAnswer() : all[0];
  }
  // Applies the event here and there.
  void happens(EventWriter& office, const Event& event) {
    ASSERT_EQ(office.apply(event), absl::OkStatus());
    ASSERT_EQ(answer(encode(event)).result, CommandResult::kApplied);
  }
  void happens(EventWriter& office, EventKind kind) { happens(office, office.next(kind)); }

  std::string outcome_of_vote(std::int64_t voter) {
    const SubmittedVote vote{.election = kElection,
                             .machine = 3,
                             .voter = voter,
                             .choice = 0,
                             .uuid = uuid(++votes_),
                             .timestamp_ms = {}};
    votes_handler_.handle(std::vector{received(wire::submit_message(vote))}, stop.get_token());
    const Message out = topic.published().back();
    return out.attribute("function") == "record vote" ? "forwarded" : out.data;
  }

  testing::TemporaryFolder folder_;
  testing::RedisServer redis_{folder_.path()};
  OfficePrivateKey private_key_ = OfficePrivateKey::generate();
  std::unique_ptr<ElectionRegister> elections_ = make_redis_election_register(config());
  std::unique_ptr<VoterRegister> voters_ = make_redis_voter_register(config(), KeyedHash{1});
  OfficeHandler handler_{outbox, *elections_, store, private_key_.public_key(), {}, registry};
  Handler votes_handler_{{.outbox = outbox,
                          .voters = *voters_,
                          .redis = store,
                          .clock = clock,
                          .readiness = readiness,
                          .metrics = registry},
                         key,
                         {}};
  int votes_ = 0;
};

TEST_F(OfficeCommandsTest, AnEventIsAppliedOnceAndAnsweredEachTime) {
  EventWriter office(test_definition("open"));
  const std::string define = encode(office.next(EventKind::kDefine));
  happens(office, EventKind::kDefine);
  const std::string open = encode(office.next(EventKind::kOpen));
  const OfficeAnswer applied = answer(open);
  EXPECT_EQ(applied.from, "logger");
  EXPECT_EQ(applied.kind, "open");
  EXPECT_EQ(applied.election, kElection);
  EXPECT_EQ(applied.request, sha256(open));
  EXPECT_EQ(applied.result, CommandResult::kApplied);
  ASSERT_TRUE(applied.state.has_value());
  EXPECT_EQ(applied.state->phase, Phase::kOpen);
  EXPECT_EQ(applied.state->sequence, 2);
  EXPECT_EQ(applied.state->last, sha256(open));
  // The last event, and an older one.
  EXPECT_EQ(answer(open).result, CommandResult::kAlreadyApplied);
  EXPECT_EQ(answer(define).result, CommandResult::kAlreadyApplied);
  EXPECT_EQ(answer(define).state->sequence, 2);
}

TEST_F(OfficeCommandsTest, AGapIsRefusedAndReported) {
  EventWriter office(test_definition("open"));
  EXPECT_EQ(
      answer(encode(Event{.election = kElection, .sequence = 2, .kind = EventKind::kOpen})).result,
      CommandResult::kRefused);
  happens(office, EventKind::kDefine);
  ASSERT_EQ(office.apply(EventKind::kOpen), absl::OkStatus());
  const OfficeAnswer refused = answer(encode(office.next(EventKind::kClose)));
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  EXPECT_THAT(refused.reason, HasSubstr("event 2 is missing"));
  EXPECT_EQ(refused.state->sequence, 1);
}

TEST_F(OfficeCommandsTest, TheSecondOfTwoOfficialsIsToldWhatTheFirstDid) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EventWriter second = office;
  happens(office, EventKind::kPause);
  const OfficeAnswer refused = answer(encode(second.next(EventKind::kClose)));
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  ASSERT_THAT(refused.events, SizeIs(1));
  EXPECT_EQ(parse_event(refused.events[0].data)->kind, EventKind::kPause);
  EXPECT_TRUE(
      private_key_.public_key().verifies(refused.events[0].data, refused.events[0].signature));
}

TEST_F(OfficeCommandsTest, ACommandWithoutTheOfficesSignatureChangesNothing) {
  EventWriter office(test_definition("open"));
  const std::string data = encode(office.next(EventKind::kDefine));
  Message changed = command(data);
  changed.data[changed.data.size() / 2] ^= 1;
  Message bare = command(data);
  bare.attributes.erase("signature");
  Message of_another_command = command(data);
  of_another_command.attributes["signature"] = private_key_.sign("something else");
  const auto answered =
      answers({signed_by(OfficePrivateKey::generate(), data), changed, bare, of_another_command});
  EXPECT_THAT(answered, IsEmpty());
  ASSERT_THAT(quarantine.published(), SizeIs(4));
  for (const Message& notice : quarantine.published()) {
    EXPECT_EQ(notice.attribute("reason"), "not authenticated");
    EXPECT_EQ(notice.data, "");
  }
  EXPECT_THAT(*elections_->elections(), IsEmpty());
}

TEST_F(OfficeCommandsTest, WithoutAPublicKeyNoCommandIsAccepted) {
  OfficeHandler closed{outbox, *elections_, store, std::nullopt, {}, registry};
  EventWriter office(test_definition("open"));
  const std::vector commands{received(command(encode(office.next(EventKind::kDefine))))};
  EXPECT_THAT(closed.handle(commands, stop.get_token()), Each(Verdict::kAck));
  EXPECT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_THAT(*elections_->elections(), IsEmpty());
}

TEST_F(OfficeCommandsTest, ACommandToTheRecordersIsIgnored) {
  EventWriter office(test_definition("open"));
  Message elsewhere = command(encode(office.next(EventKind::kDefine)));
  elsewhere.attributes["to"] = "recorder";
  EXPECT_THAT(answers({elsewhere}), IsEmpty());
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(OfficeCommandsTest, ASignedMessageThatIsNoCommandIsRefusedAndQuarantined) {
  const OfficeAnswer refused = answer(R"({"kind":"party"})");
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  EXPECT_NE(refused.reason, "");
  EXPECT_THAT(quarantine.published(), SizeIs(1));
}

TEST_F(OfficeCommandsTest, ARollIsInForceOnceAllItsChunksAreThere) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  const auto roll = roll_of({1, 2, 3, 4, 5});
  EXPECT_THAT(answer(encode(roll[2])).missing_chunks, ElementsAre(0, 1));
  const OfficeAnswer early = answer(encode(roll_event(office, roll)));
  EXPECT_EQ(early.result, CommandResult::kRefused);
  EXPECT_THAT(early.missing_chunks, ElementsAre(0, 1));
  EXPECT_EQ(answer(encode(roll[0])).result, CommandResult::kApplied);
  EXPECT_EQ(answer(encode(roll[0])).result, CommandResult::kAlreadyApplied);
  EXPECT_THAT(answer(encode(roll[1])).missing_chunks, IsEmpty());
  happens(office, roll_event(office, roll));
  happens(office, EventKind::kOpen);
  const OfficeAnswer late = answer(encode(roll[1]));
  EXPECT_EQ(late.result, CommandResult::kAlreadyApplied);
  ASSERT_TRUE(late.roll.has_value());
  EXPECT_EQ(late.roll->count, 5);
  EXPECT_EQ(late.roll->hash, roll[0].roll);
  EXPECT_EQ(outcome_of_vote(5), "forwarded");
  EXPECT_THAT(outcome_of_vote(6), HasSubstr("the voter is not on the roll"));
}

TEST_F(OfficeCommandsTest, AnotherRollReplacesTheFirstUntilTheElectionOpens) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  for (const auto& voters : {std::vector<std::int64_t>{1, 2, 3}, std::vector<std::int64_t>{4, 5}}) {
    const auto roll = roll_of(voters);
    for (const auto& chunk : roll) EXPECT_NE(answer(encode(chunk)).result, CommandResult::kRefused);
    happens(office, roll_event(office, roll));
  }
  EXPECT_THAT(elections_->staged(kElection, roll_of({1, 2, 3})[0].roll)->chunk_hashes, IsEmpty());
  happens(office, EventKind::kOpen);
  EXPECT_THAT(outcome_of_vote(1), HasSubstr("the voter is not on the roll"));
  EXPECT_EQ(outcome_of_vote(4), "forwarded");
  const OfficeAnswer refused = answer(encode(roll_of({7})[0]));
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  EXPECT_THAT(refused.reason, HasSubstr("can no longer be replaced"));
}

TEST_F(OfficeCommandsTest, ARollWithAVoterTwiceIsNotPutInForceAndMustBeSentAgain) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  const auto roll = roll_of({1, 2, 2, 3});
  for (const auto& chunk : roll) answer(encode(chunk));
  const OfficeAnswer refused = answer(encode(roll_event(office, roll)));
  EXPECT_EQ(refused.result, CommandResult::kRefused);
  EXPECT_THAT(refused.missing_chunks, ElementsAre(0, 1));
  EXPECT_THAT(elections_->staged(kElection, roll[0].roll)->chunk_hashes, IsEmpty());
}

TEST_F(OfficeCommandsTest, VotersAreAddedWhileTheElectionIsOpen) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  const auto roll = roll_of({1});
  answer(encode(roll[0]));
  happens(office, roll_event(office, roll));
  happens(office, EventKind::kOpen);
  EXPECT_THAT(outcome_of_vote(7), HasSubstr("not on the roll"));
  wire::NewVoter voter{
      .election = kElection, .entry = {.voter = 7, .code_hash = {}}, .salt = {5}, .uuid = uuid(1)};
  Event event = office.next(EventKind::kAddVoter);
  event.added = commitment_to(voter);
  const OfficeAnswer too_early = answer(encode(event));
  EXPECT_EQ(too_early.result, CommandResult::kRefused);
  EXPECT_THAT(too_early.reason, HasSubstr("is not known here"));
  EXPECT_EQ(answer(encode(voter)).result, CommandResult::kApplied);
  EXPECT_EQ(answer(encode(voter)).result, CommandResult::kApplied);
  EXPECT_THAT(outcome_of_vote(7), HasSubstr("not on the roll"));
  happens(office, event);
  EXPECT_EQ(answer(encode(event)).result, CommandResult::kAlreadyApplied);
  EXPECT_EQ(answer(encode(voter)).result, CommandResult::kAlreadyApplied);
  EXPECT_EQ(outcome_of_vote(7), "forwarded");
  voter.entry = {.voter = 8, .code_hash = 1};
  EXPECT_THAT(answer(encode(voter)).reason, HasSubstr("the election has no codes"));
  EXPECT_EQ(answer(encode(wire::OfficeRequest{.election = kElection, .uuid = uuid(1)})).roll->count,
            2);
}

TEST_F(OfficeCommandsTest, TheStatusHasPhaseMarksAndTheClockOfRedis) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_EQ(outcome_of_vote(1), "forwarded");
  const OfficeAnswer status =
      answer(encode(wire::OfficeRequest{.election = kElection, .uuid = uuid(1)}));
  EXPECT_EQ(status.result, CommandResult::kAnswer);
  EXPECT_EQ(status.state->phase, Phase::kOpen);
  EXPECT_EQ(status.marks, 1);
  EXPECT_GT(status.now_utc_ms.value_or(0), 0);
  const OfficeAnswer all = answer(encode(wire::OfficeRequest{.election = {}, .uuid = uuid(2)}));
  ASSERT_THAT(all.elections, SizeIs(1));
  EXPECT_EQ(all.elections[0].election, kElection);
  EXPECT_EQ(all.elections[0].marks, 1);
  const OfficeAnswer unknown = answer(encode(wire::OfficeRequest{.election = 99, .uuid = uuid(3)}));
  EXPECT_EQ(unknown.result, CommandResult::kAnswer);
  EXPECT_FALSE(unknown.state.has_value());
}

TEST_F(OfficeCommandsTest, AnElectionWhoseDataAreDamagedIsNamedAndStopsNoOther) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  const auto in_own_database = [&](const std::string& script) {
    redis_.command({"EVAL", "local call = redis.call call('SELECT', 1) " + script, "0"});
  };
  for (const std::string damage :
       {"call('SET', 'pollbus:election:13', 'x')", "call('SET', 'pollbus:events:13', 'x')",
        "call('RPUSH', 'pollbus:events:13', 'x')",
        "call('HSET', 'pollbus:election:13', 'sequence', '5')"}) {
    SCOPED_TRACE(damage);
    in_own_database("call('SADD', 'pollbus:elections', '13') " + damage);
    const auto all =
        answers({command(encode(wire::OfficeRequest{.election = 13, .uuid = uuid(1)})),
                 command(encode(wire::OfficeRequest{.election = {}, .uuid = uuid(2)}))});
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].result, CommandResult::kRefused);
    EXPECT_THAT(all[0].reason, HasSubstr("holds"));
    ASSERT_THAT(all[1].elections, SizeIs(1));
    EXPECT_EQ(all[1].elections[0].election, kElection);
    in_own_database("call('DEL', 'pollbus:election:13', 'pollbus:events:13')");
  }
  in_own_database("call('SADD', 'pollbus:elections', 'x')");
  EXPECT_EQ(answer(encode(wire::OfficeRequest{.election = {}, .uuid = uuid(3)})).result,
            CommandResult::kRefused);
  happens(office, EventKind::kOpen);
}

TEST_F(OfficeCommandsTest, ALoggerFollowsWhatAnotherLoggerApplied) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  const auto elsewhere = make_redis_election_register(config());
  OfficeHandler other{outbox, *elsewhere, store, private_key_.public_key(), {}, registry};
  for (const auto kind : {EventKind::kOpen, EventKind::kPause, EventKind::kResume}) {
    const Event event = office.next(kind);
    ASSERT_EQ(office.apply(event), absl::OkStatus());
    other.handle(std::vector{received(command(encode(event)))}, stop.get_token());
  }
  happens(office, EventKind::kClose);
}

// Redis was restored from a backup: it has forgotten events that this logger has seen.
TEST_F(OfficeCommandsTest, ARestoredRegisterIsReadAgain) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  EventWriter restored = office;
  happens(office, EventKind::kOpen);
  happens(office, EventKind::kClose);
  redis_.command({"FLUSHALL"});
  EXPECT_EQ(answer(encode(EventWriter(test_definition("open")).next(EventKind::kDefine))).result,
            CommandResult::kApplied);
  happens(restored, EventKind::kOpen);
}

TEST_F(OfficeCommandsTest, AStopGivesTheCommandsBack) {
  EventWriter office(test_definition("open"));
  redis_.stop();
  std::thread stopper([&] {
    while (clock.pauses().empty()) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_THAT(
      handler_.handle(std::vector{received(command(encode(office.next(EventKind::kDefine))))},
                      stop.get_token()),
      Each(Verdict::kNack));
  stopper.join();
}

}  // namespace
}  // namespace pollbus::voting_logger
