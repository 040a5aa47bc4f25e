#include "stores/election_register.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election_test_events.h"
#include "election/voter_code.h"
#include "integration/register_fixture.h"

namespace pollbus {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using enum MarkOutcome;

constexpr std::int64_t kElection = 12;
constexpr std::int64_t kAda = 0;  // the choices of test_definition()
constexpr std::int64_t kAlan = 5;
constexpr std::int64_t kNobody = 1;

// The vote `number`, which is the fingerprint, too.
Mark mark_of(std::int64_t voter, int number, std::int64_t choice = kAda) {
  Mark mark{.election = kElection, .voter = voter, .fingerprint = {}, .choice = choice};
  mark.fingerprint[0] = static_cast<unsigned char>(number);
  return mark;
}

std::uint64_t code_of(std::int64_t voter) {
  return code_hash(kElection, {.voter = voter, .secret = static_cast<std::uint64_t>(voter) * 7919});
}

Mark with_code(std::int64_t voter, int number, std::int64_t voter_of_code) {
  Mark mark = mark_of(voter, number);
  mark.code_hash = code_of(voter_of_code);
  return mark;
}

// A roll in one chunk.
wire::RollChunk roll_of(const std::vector<std::int64_t>& voters, bool has_codes) {
  wire::RollChunk chunk{.election = kElection,
                        .roll = {},
                        .chunk = 0,
                        .chunks = 1,
                        .count = static_cast<std::int64_t>(voters.size()),
                        .has_codes = has_codes,
                        .voters = {}};
  for (const std::int64_t voter : voters) {
    chunk.voters.push_back({.voter = voter, .code_hash = {}});
    if (has_codes) chunk.voters.back().code_hash = code_of(voter);
  }
  chunk.roll = wire::roll_hash(chunk.salt, {sha256(wire::chunk_bytes(chunk))});
  return chunk;
}

class ElectionRegisterTest : public testing::RegisterTest {
 protected:
  AppendOutcome append(EventWriter& office, const Event& event) {
    const auto before = office.state;
    EXPECT_EQ(office.apply(event), absl::OkStatus());
    const SignedEvent signed_event{.data = encode(event), .signature = std::string(128, 'a')};
    const auto outcome = elections_->append(signed_event, event, *office.state);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (outcome.ok() && *outcome != AppendOutcome::kAppended) office.state = before;
    return outcome.value_or(AppendOutcome::kOvertaken);
  }
  void happens(EventWriter& office, EventKind kind) {
    EXPECT_EQ(append(office, office.next(kind)), AppendOutcome::kAppended);
  }
  AppendOutcome put_in_force(EventWriter& office, const wire::RollChunk& chunk) {
    EXPECT_EQ(*elections_->stage(chunk), StageOutcome::kStaged);
    Event event = office.next(EventKind::kRoll);
    event.roll = RollSummary{.count = chunk.count, .hash = chunk.roll, .chunks = chunk.chunks};
    return append(office, event);
  }
  // An open election with this roll.
  void open_with_roll(EventWriter& office, const wire::RollChunk& chunk) {
    happens(office, EventKind::kDefine);
    EXPECT_EQ(put_in_force(office, chunk), AppendOutcome::kAppended);
    happens(office, EventKind::kOpen);
  }

  // The logger gets to know of the voter, and then the event adds the voter to the roll.
  void add_voter(EventWriter& office, const RollEntry& entry) {
    const wire::NewVoter voter{.election = kElection, .entry = entry, .salt = {5}, .uuid = "u"};
    EXPECT_EQ(*elections_->keep(voter, *office.state), NewVoterOutcome::kKept);
    Event event = office.next(EventKind::kAddVoter);
    event.added = commitment_to(voter);
    EXPECT_EQ(append(office, event), AppendOutcome::kAppended);
  }

  std::vector<MarkOutcome> outcomes(const std::vector<Mark>& marks) {
    auto result = voters_->mark(marks);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : std::vector<MarkOutcome>();
  }
  MarkOutcome outcome(const Mark& mark) { return outcomes({mark}).at(0); }
  void in_own_database(const std::string& change, const std::vector<std::string>& keys) {
    std::vector<std::string> words = {
        "EVAL",
        "local call, pcall = redis.call, redis.pcall call('SELECT', 1) "
        "for _, key in ipairs(ARGV) do " +
            change + " end",
        "0"};
    words.insert(words.end(), keys.begin(), keys.end());
    command(words);
  }
  std::vector<std::string> own_keys(const std::string& pattern) { return keys(pattern, 1); }

  std::unique_ptr<ElectionRegister> elections_ = make_redis_election_register(config());
  std::unique_ptr<VoterRegister> voters_ = make_redis_voter_register(config(), KeyedHash{1});
};

TEST_P(ElectionRegisterTest, NewVotesAreAcceptedOnlyWhileTheElectionIsOpen) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  EXPECT_EQ(outcome(mark_of(1, 1)), kNotOpen);
  happens(office, EventKind::kOpen);
  EXPECT_EQ(outcome(mark_of(1, 2)), kMarked);
  happens(office, EventKind::kPause);
  EXPECT_EQ(outcome(mark_of(2, 3)), kPaused);
  happens(office, EventKind::kResume);
  EXPECT_EQ(outcome(mark_of(2, 4)), kMarked);
  for (const auto kind : {EventKind::kClose, EventKind::kSeal}) {
    Event event = office.next(kind);
    if (kind == EventKind::kSeal) event.marks = 2;
    EXPECT_EQ(append(office, event), AppendOutcome::kAppended);
    EXPECT_EQ(outcome(mark_of(3, 5)), kClosed);
  }
  EXPECT_EQ(elections_->read(kElection, 0)->marks, 2);
}

TEST_P(ElectionRegisterTest, TheSameVoteIsTheSameVoteInEveryState) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_EQ(outcome(mark_of(1, 1)), kMarked);
  for (const auto kind : {EventKind::kPause, EventKind::kClose}) {
    happens(office, kind);
    EXPECT_EQ(outcome(mark_of(1, 1)), kSameVoteAgain);
  }
}

// A message may be delivered again at any later time, so its answer must not depend on the time.
TEST_P(ElectionRegisterTest, AVoteOfAVoterWhoHasVotedGetsTheSameAnswerInEveryState) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_EQ(outcome(mark_of(1, 1)), kMarked);
  EXPECT_EQ(outcome(mark_of(1, 2)), kOtherVote);
  for (const auto kind : {EventKind::kPause, EventKind::kClose}) {
    happens(office, kind);
    EXPECT_EQ(outcome(mark_of(1, 2)), kOtherVote);
  }
}

TEST_P(ElectionRegisterTest, AVoteThatWasRefusedStaysRefusedAndItsVoterMayCastAnother) {
  EventWriter office(test_definition("roll"));
  open_with_roll(office, roll_of({1, 2}, false));
  happens(office, EventKind::kPause);
  EXPECT_THAT(outcomes({mark_of(1, 1), mark_of(7, 2)}), ElementsAre(kPaused, kPaused));
  happens(office, EventKind::kResume);
  EXPECT_THAT(outcomes({mark_of(1, 1), mark_of(1, 3), mark_of(7, 4)}),
              ElementsAre(kPaused, kMarked, kNotOnRoll));
  add_voter(office, {.voter = 7, .code_hash = {}});
  EXPECT_THAT(outcomes({mark_of(7, 4), mark_of(7, 5), mark_of(1, 1), mark_of(7, 2)}),
              ElementsAre(kNotOnRoll, kMarked, kPaused, kPaused));
  EXPECT_EQ(elections_->read(kElection, 0)->marks, 2);
}

TEST_P(ElectionRegisterTest, AnElectionThatTheClockHasClosedStaysClosedWhenTheClockIsSetBack) {
  const std::int64_t now = elections_->read(kElection, 0)->now_ms;
  int number = 0;
  // Whether a vote or a question of the office was the first to see that the time was over.
  for (const bool is_vote : {true, false}) {
    ElectionState state{
        .phase = Phase::kOpen, .sequence = 1, .definition = test_definition("open")};
    state.closes_ms = now - 1;
    const std::int64_t election = 1'000 + ++number;
    const Event event{.election = election, .sequence = 1, .kind = EventKind::kDefine};
    ASSERT_EQ(*elections_->append({"data", std::string(128, 'a')}, event, state),
              AppendOutcome::kAppended);
    const auto vote = [&](int fingerprint) {
      Mark mark = mark_of(1, fingerprint);
      mark.election = election;
      return outcome(mark);
    };
    if (is_vote) {
      EXPECT_EQ(vote(1), kClosed);
    }
    EXPECT_GE(elections_->read(election, 1)->now_ms, now);
    const std::string key = "pollbus:election:" + std::to_string(election);
    const std::string until = std::to_string(now - 1);
    EXPECT_THAT(server_for(election, 1)
                    .command({"EVAL",
                              "redis.call('SELECT', 1) "
                              "return redis.call('HMGET', ARGV[1], 'open_until_ms', 'seen_closed')",
                              "0", key}),
                ElementsAre(until, until));
    // As if the clock was set back by an hour: the closing time lies ahead of it again.
    const std::string set_fields =
        "redis.call('SELECT', 1) "
        "return redis.call('HSET', ARGV[1], 'open_until_ms', ARGV[2], 'seen_closed', ARGV[2])";
    command({"EVAL", set_fields, "0", key, std::to_string(now + kHour)});
    EXPECT_EQ(vote(2), kClosed);
    EXPECT_EQ(elections_->read(election, 1)->now_ms, now + kHour);
  }
}

// Redis decides by fields that are made of a state, and must agree with phase_at().
TEST_P(ElectionRegisterTest, RedisAgreesWithThePhaseAtEveryMoment) {
  const std::int64_t now = elections_->read(kElection, 0)->now_ms;
  const std::vector<std::optional<std::int64_t>> times = {std::nullopt, now - kHour, now + kHour};
  int cases = 0;
  for (const Phase phase : {Phase::kDefined, Phase::kOpen, Phase::kPaused, Phase::kClosed,
                            Phase::kSealed, Phase::kCertified}) {
    for (const auto& opens : times) {
      for (const auto& closes : times) {
        const std::int64_t election = 1'000 + cases++;
        ElectionState state{.phase = phase, .sequence = 1, .definition = test_definition("open")};
        state.opens_ms = opens;
        state.closes_ms = closes;
        const Event event{.election = election, .sequence = 1, .kind = EventKind::kDefine};
        ASSERT_EQ(*elections_->append({"data", std::string(128, 'a')}, event, state),
                  AppendOutcome::kAppended);
        Mark mark = mark_of(1, 1);
        mark.election = election;
        const Phase expected = phase_at(state, now);
        EXPECT_EQ(outcome(mark), expected == Phase::kOpen      ? kMarked
                                 : expected == Phase::kDefined ? kNotOpen
                                 : expected == Phase::kPaused  ? kPaused
                                                               : kClosed)
            << to_text(phase) << ' ' << opens.value_or(0) - now << ' ' << closes.value_or(0) - now;
      }
    }
  }
}

// The recorder has accepted it in time, so the logger must follow.
TEST_P(ElectionRegisterTest, AnExtendThatArrivesAfterTheClosingTimeOpensTheElectionAgain) {
  ElectionState state{.phase = Phase::kOpen, .sequence = 1, .definition = test_definition("open")};
  const std::int64_t now = elections_->read(kElection, 0)->now_ms;
  state.closes_ms = now - 1;
  Event event{.election = kElection, .sequence = 1, .kind = EventKind::kDefine};
  ASSERT_EQ(*elections_->append({"data", std::string(128, 'a')}, event, state),
            AppendOutcome::kAppended);
  EXPECT_EQ(outcome(mark_of(1, 1)), kClosed);
  state.closes_ms = now + kHour;
  state.sequence = event.sequence = 2;
  event.kind = EventKind::kExtend;
  ASSERT_EQ(*elections_->append({"data", std::string(128, 'a')}, event, state),
            AppendOutcome::kAppended);
  EXPECT_THAT(outcomes({mark_of(1, 1), mark_of(1, 2)}), ElementsAre(kClosed, kMarked));
}

TEST_P(ElectionRegisterTest, AnElectionThatNeedsARollDoesNotOpenByItselfWithoutOne) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  EXPECT_EQ(outcome(mark_of(1, 1)), kNotOpen);
  ElectionState state = *office.state;
  state.opens_ms = 1;
  EXPECT_EQ(opening_times(state).from_ms, std::nullopt);
  state.roll = RollSummary{.count = 1, .hash = {}, .chunks = 1};
  EXPECT_EQ(opening_times(state).from_ms, 1);
}

TEST_P(ElectionRegisterTest, OnlyVotersOnTheRollMayVote) {
  EventWriter office(test_definition("roll"));
  open_with_roll(office, roll_of({1, 2, 10}, false));
  EXPECT_THAT(outcomes({mark_of(1, 1), mark_of(3, 3), mark_of(10, 4), mark_of(11, 5)}),
              ElementsAre(kMarked, kNotOnRoll, kMarked, kNotOnRoll));
  add_voter(office, {.voter = 3, .code_hash = {}});
  EXPECT_THAT(outcomes({mark_of(3, 6), mark_of(4, 7)}), ElementsAre(kMarked, kNotOnRoll));
}

TEST_P(ElectionRegisterTest, AVoterNeedsTheirOwnCode) {
  EventWriter office(test_definition("codes"));
  open_with_roll(office, roll_of({1, 2, 3}, true));
  EXPECT_THAT(outcomes({mark_of(1, 1), with_code(1, 2, 2), with_code(4, 3, 4), with_code(2, 4, 2),
                        with_code(1, 5, 1)}),
              ElementsAre(kWrongCode, kWrongCode, kNotOnRoll, kMarked, kMarked));
  // The answer does not reveal whether the voter has voted.
  EXPECT_EQ(outcome(with_code(1, 6, 2)), kWrongCode);
  EXPECT_EQ(outcome(with_code(1, 7, 1)), kOtherVote);
  EXPECT_EQ(outcome(mark_of(1, 5)), kSameVoteAgain);
  add_voter(office, {.voter = 4, .code_hash = code_of(4)});
  EXPECT_THAT(outcomes({mark_of(4, 8), with_code(4, 9, 4)}), ElementsAre(kWrongCode, kMarked));
}

TEST_P(ElectionRegisterTest, AVoterIsAddedOnlyIfTheRegisterKnowsWhoIsMeant) {
  EventWriter office(test_definition("roll"));
  open_with_roll(office, roll_of({1}, false));
  const wire::NewVoter voter{
      .election = kElection, .entry = {.voter = 3, .code_hash = {}}, .salt = {5}, .uuid = "u"};
  Event event = office.next(EventKind::kAddVoter);
  event.added = commitment_to(voter);
  EXPECT_EQ(append(office, event), AppendOutcome::kVoterMissing);
  EXPECT_EQ(outcome(mark_of(3, 1)), kNotOnRoll);
  // Another voter does not do.
  wire::NewVoter other = voter;
  other.entry.voter = 4;
  EXPECT_EQ(*elections_->keep(other, *office.state), NewVoterOutcome::kKept);
  EXPECT_EQ(append(office, event), AppendOutcome::kVoterMissing);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(*elections_->keep(voter, *office.state), NewVoterOutcome::kKept);
  EXPECT_EQ(append(office, event), AppendOutcome::kAppended);
  EXPECT_EQ(outcome(mark_of(3, 2)), kMarked);
  EXPECT_EQ(outcome(mark_of(4, 3)), kNotOnRoll);
  // A second logger that has the same event at the same time.
  EXPECT_EQ(*elections_->append({.data = encode(event), .signature = std::string(128, 'a')}, event,
                                *office.state),
            AppendOutcome::kOvertaken);
}

TEST_P(ElectionRegisterTest, AVoterWhoIsOnTheRollIsNotAddedAgain) {
  EventWriter office(test_definition("codes"));
  open_with_roll(office, roll_of({1}, true));
  add_voter(office, {.voter = 2, .code_hash = code_of(2)});
  for (const std::int64_t number : {1, 2}) {
    wire::NewVoter voter{.election = kElection,
                         .entry = {.voter = number, .code_hash = code_of(number)},
                         .salt = {5},
                         .uuid = "u"};
    EXPECT_EQ(*elections_->keep(voter, *office.state), NewVoterOutcome::kOnRoll);
    voter.entry.code_hash = code_of(9);
    EXPECT_EQ(*elections_->keep(voter, *office.state), NewVoterOutcome::kOnRollWithOtherCode);
  }
}

TEST_P(ElectionRegisterTest, AChoiceThatDoesNotExistMarksNothing) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_THAT(outcomes({mark_of(1, 1, kAda), mark_of(2, 2, kNobody), mark_of(3, 3, kAlan)}),
              ElementsAre(kMarked, kNoSuchChoice, kMarked));
  EXPECT_EQ(outcome(mark_of(2, 4, kAlan)), kMarked);
}

TEST_P(ElectionRegisterTest, RedisIsNotToldTheChoice) {
  EventWriter office(test_definition("codes"));
  open_with_roll(office, roll_of({1, 2}, true));
  command({"CONFIG", "SET", "slowlog-log-slower-than", "0"});
  Mark canary = with_code(1, 1, 1);
  canary.choice = 1'234'567;
  EXPECT_EQ(outcome(canary), kNoSuchChoice);
  const auto log =
      server_for(kElection, canary.voter)
          .command({"EVAL", "return cjson.encode(redis.call('SLOWLOG', 'GET', 100))", "0"});
  EXPECT_THAT(log.at(0), HasSubstr("EVALSHA"));
  EXPECT_THAT(log.at(0), Not(HasSubstr("1234567")));
}

TEST_P(ElectionRegisterTest, AnElectionThatIsNotDefinedIsOpenToEveryoneUnlessTheRuleSaysOtherwise) {
  EXPECT_EQ(outcome(mark_of(1, 1, kNobody)), kMarked);
  RedisConfig strict = config();
  strict.only_defined_elections = true;
  const auto voters = make_redis_voter_register(strict, KeyedHash{1});
  EXPECT_THAT(*voters->mark(std::vector{mark_of(1, 1), mark_of(1, 2), mark_of(2, 2)}),
              ElementsAre(kSameVoteAgain, kOtherVote, kNotDefined));
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_THAT(*voters->mark(std::vector{mark_of(2, 2), mark_of(2, 3)}),
              ElementsAre(kNotDefined, kMarked));
}

TEST_P(ElectionRegisterTest, ARegisterObeysWhatTheOfficeDoesWhileItRuns) {
  EXPECT_EQ(outcome(mark_of(1, 1, kNobody)), kMarked);
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  EXPECT_EQ(outcome(mark_of(2, 2)), kNotOpen);
  EXPECT_EQ(put_in_force(office, roll_of({2, 4}, false)), AppendOutcome::kAppended);
  EXPECT_EQ(outcome(mark_of(2, 2)), kNotOpen);
  // Another roll, which lies elsewhere.
  std::vector<std::int64_t> many;
  for (int voter = 1'000; voter < 3'000; ++voter) many.push_back(voter);
  EXPECT_EQ(put_in_force(office, roll_of(many, false)), AppendOutcome::kAppended);
  happens(office, EventKind::kOpen);
  EXPECT_THAT(outcomes({mark_of(2, 5), mark_of(1'000, 3), mark_of(2'999, 4, kNobody)}),
              ElementsAre(kNotOnRoll, kMarked, kNoSuchChoice));
}

TEST_P(ElectionRegisterTest, AllVoterNumbersFindTheirPlaceInTheRoll) {
  std::vector<std::int64_t> voters = {0, kMaxId - 1, kMaxId};
  for (std::int64_t i = 1; i <= 1'000; ++i) voters.push_back(i * 1'000'000'000'000);
  EventWriter office(test_definition("codes"));
  open_with_roll(office, roll_of(voters, true));
  std::vector<Mark> marks;
  for (const std::int64_t voter : voters) marks.push_back(with_code(voter, 1, voter));
  EXPECT_THAT(outcomes(marks), Each(kMarked));
  EXPECT_THAT(outcomes({with_code(1, 1, 1), with_code(kMaxId - 2, 1, kMaxId - 2)}),
              Each(kNotOnRoll));
}

TEST_P(ElectionRegisterTest, AChunkThatArrivesTwiceIsStagedOnce) {
  const wire::RollChunk chunk = roll_of({1, 2, 3}, false);
  EXPECT_EQ(*elections_->stage(chunk), StageOutcome::kStaged);
  EXPECT_EQ(*elections_->stage(chunk), StageOutcome::kStagedBefore);
  wire::RollChunk other = chunk;
  other.voters.pop_back();
  EXPECT_EQ(*elections_->stage(other), StageOutcome::kDiffers);
  const StagedRoll staged = *elections_->staged(kElection, chunk.roll);
  EXPECT_EQ(staged.count, 3);
  EXPECT_EQ(staged.chunks, 1);
  EXPECT_THAT(staged.chunk_hashes, SizeIs(1));
  EXPECT_THAT(elections_->staged(kElection, Sha256{})->chunk_hashes, IsEmpty());
}

TEST_P(ElectionRegisterTest, ARollWithoutAllItsVotersIsNotPutInForce) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  wire::RollChunk chunk = roll_of({1, 2, 3}, false);
  chunk.count = 4;
  EXPECT_EQ(put_in_force(office, chunk), AppendOutcome::kRollIncomplete);
  EXPECT_EQ(elections_->read(kElection, 0)->sequence, 1);
}

TEST_P(ElectionRegisterTest, RollsThatAreNotInForceAreRemoved) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  const wire::RollChunk first = roll_of({1, 2, 3}, false);
  const wire::RollChunk second = roll_of({4, 5}, false);
  EXPECT_EQ(put_in_force(office, first), AppendOutcome::kAppended);
  const std::size_t keys = own_keys("pollbus:*").size();
  EXPECT_EQ(put_in_force(office, second), AppendOutcome::kAppended);
  EXPECT_EQ(elections_->remove_staged(kElection, second.roll), absl::OkStatus());
  EXPECT_THAT(own_keys("pollbus:roll:*"), Each(HasSubstr(to_hex(second.roll).substr(0, 16))));
  EXPECT_LE(own_keys("pollbus:*").size(), keys);
  // Even a logger that does not know which roll is in force does not remove it.
  EXPECT_EQ(elections_->remove_staged(kElection, first.roll), absl::OkStatus());
  happens(office, EventKind::kOpen);
  EXPECT_THAT(outcomes({mark_of(4, 4), mark_of(1, 1)}), ElementsAre(kMarked, kNotOnRoll));
}

TEST_P(ElectionRegisterTest, OfTwoLoggersOneAppendsTheNextEvent) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  EventWriter other = office;
  happens(office, EventKind::kOpen);
  EXPECT_EQ(append(other, other.next(EventKind::kOpen)), AppendOutcome::kOvertaken);
  const ElectionSnapshot snapshot = *elections_->read(kElection, 1);
  EXPECT_EQ(snapshot.sequence, 2);
  EXPECT_EQ(snapshot.last, office.state->last);
  EXPECT_THAT(snapshot.events, SizeIs(1));
}

TEST_P(ElectionRegisterTest, AKeyOfAnElectionThatHoldsSomethingElseStopsNoOtherElection) {
  EventWriter office(test_definition("roll"));
  open_with_roll(office, roll_of({1, 2, 3}, false));
  Mark refused = mark_of(3, 3);
  refused.choice = kNobody;
  EXPECT_THAT(outcomes({mark_of(1, 1), refused}), ElementsAre(kMarked, kNoSuchChoice));
  std::vector<std::vector<std::string>> damages = {own_keys("pollbus:roll:*")};
  for (const char* const name : {"election", "choices", "refused"})
    damages.push_back({fmt::format("pollbus:{}:{}", name, kElection)});
  std::int64_t voter = 100;
  for (const auto& keys : damages) {
    SCOPED_TRACE(keys.front());
    in_own_database("pcall('RENAME', key, 'kept:' .. key) call('SETRANGE', key, 0, 'x')", keys);
    voters_ = make_redis_voter_register(config(), KeyedHash{1});  // one that remembers nothing
    Mark elsewhere = mark_of(++voter, 1);
    elsewhere.election = kElection + 1;
    EXPECT_THAT(
        outcomes({mark_of(1, 1), mark_of(1, 2), mark_of(2, 2), elsewhere}),
        ElementsAre(kSameVoteAgain, ::testing::AnyOf(kOtherVote, kRefused), kRefused, kMarked));
    in_own_database("call('DEL', key) pcall('RENAME', 'kept:' .. key, key)", keys);
    EXPECT_EQ(outcome(mark_of(1, 2)), kOtherVote);
  }
  EXPECT_EQ(outcome(mark_of(2, 2)), kMarked);
}

TEST_P(ElectionRegisterTest, EventsAndRollsSurviveAKilledServer) {
  EventWriter office(test_definition("codes"));
  open_with_roll(office, roll_of({1, 2}, true));
  EXPECT_EQ(outcome(with_code(1, 1, 1)), kMarked);
  kill();
  start();
  // The connections are broken.
  EXPECT_FALSE(voters_->mark(std::vector{mark_of(1, 1), mark_of(2, 1)}).ok());
  EXPECT_THAT(outcomes({with_code(1, 2, 1), with_code(2, 3, 2)}), ElementsAre(kOtherVote, kMarked));
  for (std::size_t i = 0; i < servers_.size(); ++i)
    EXPECT_FALSE(elections_->read(kElection, 0).ok());
  EXPECT_THAT(*elections_->elections(), ElementsAre(kElection));
  const ElectionSnapshot snapshot = *elections_->read(kElection, 0);
  EXPECT_EQ(snapshot.marks, 2);
  EXPECT_THAT(snapshot.events, SizeIs(3));
  EXPECT_EQ(snapshot.events.front().signature, std::string(128, 'a'));
}

INSTANTIATE_TEST_SUITE_P(Register, ElectionRegisterTest, ::testing::Values(1, 2),
                         testing::name_of_servers);

}  // namespace
}  // namespace pollbus
