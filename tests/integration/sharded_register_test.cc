#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election_test_events.h"
#include "integration/register_fixture.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum MarkOutcome;

constexpr std::int64_t kElection = 12;
constexpr KeyedHash kKeyCheck = {1, 2, 3};

// The vote `number`, which is the fingerprint, too.
Mark mark_of(std::int64_t voter, int number) {
  Mark mark{.election = kElection, .voter = voter, .fingerprint = {}, .choice = 0};
  mark.fingerprint[0] = static_cast<unsigned char>(number);
  return mark;
}

// A register over two servers, or more.
class ShardedRegisterTest : public testing::RegisterTest {
 protected:
  // A voter whom this server marks.
  std::int64_t voter_of(std::size_t server) const {
    std::int64_t voter = 0;
    while (server_of(kElection, voter, servers_.size()) != server) ++voter;
    return voter;
  }
  std::vector<Mark> one_for_each_server(int number) const {
    std::vector<Mark> marks;
    for (std::size_t i = 0; i < servers_.size(); ++i) marks.push_back(mark_of(voter_of(i), number));
    return marks;
  }

  absl::StatusOr<AppendOutcome> append(EventWriter& office, const Event& event) {
    const auto before = office.state;
    EXPECT_EQ(office.apply(event), absl::OkStatus());
    auto outcome = elections_->append(signed_event(event), event, *office.state);
    if (!outcome.ok() || *outcome != AppendOutcome::kAppended) office.state = before;
    return outcome;
  }
  static SignedEvent signed_event(const Event& event) {
    return {.data = encode(event), .signature = std::string(128, 'a')};
  }
  void happens(EventWriter& office, EventKind kind) {
    EXPECT_EQ(append(office, office.next(kind)).value(), AppendOutcome::kAppended);
  }

  absl::Status check_with(const std::vector<std::size_t>& servers) const {
    RedisConfig config = this->config();
    config.hosts.clear();
    for (const std::size_t server : servers)
      config.hosts.push_back("127.0.0.1:" + std::to_string(servers_[server].port()));
    return make_redis_voter_register(config, kKeyCheck)->check();
  }

  std::unique_ptr<ElectionRegister> elections_ = make_redis_election_register(config());
  std::unique_ptr<VoterRegister> voters_ = make_redis_voter_register(config(), kKeyCheck);
};

TEST_P(ShardedRegisterTest, EachVoterIsMarkedOnOneServer) {
  const std::vector<Mark> marks = one_for_each_server(1);
  EXPECT_THAT(*voters_->mark(marks), Each(kMarked));
  EXPECT_THAT(*voters_->mark(marks), Each(kSameVoteAgain));
  for (const testing::RedisServer& server : servers_) EXPECT_THAT(server.keys("*"), SizeIs(1));
  EXPECT_EQ(voters_->counts()->by_election.at(kElection), std::ssize(servers_));
}

TEST_P(ShardedRegisterTest, WithoutOneServerABatchIsHeldAndTheOthersHaveMadeTheirMarks) {
  const std::vector<Mark> marks = one_for_each_server(1);
  servers_.back().kill();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(voters_->mark(marks).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(servers_.front().keys("*"), SizeIs(1));
  servers_.back().start();
  std::vector<MarkOutcome> expected(servers_.size(), kSameVoteAgain);
  expected.back() = kMarked;
  EXPECT_EQ(*voters_->mark(marks), expected);
}

TEST_P(ShardedRegisterTest, AnExchangedMissingOrFurtherServerIsRefused) {
  std::vector<std::size_t> all(servers_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  EXPECT_EQ(check_with(all), absl::OkStatus());
  EXPECT_EQ(check_with(all), absl::OkStatus());
  std::vector<std::size_t> exchanged = all;
  std::swap(exchanged.front(), exchanged.back());
  for (const auto& wrong : {exchanged, {0}, {servers_.size() - 1}}) {
    const absl::Status refused = check_with(wrong);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("REDIS_HOSTS"), HasSubstr("Redis at 127.0.0.1:")));
  }
  const auto message = std::string(check_with(exchanged).message());
  EXPECT_THAT(message, HasSubstr("is server 2 of 2 of its register, and this logger's settings "
                                 "make it server 1 of 2 of its register"));
}

TEST_P(ShardedRegisterTest, TheRegisterOfASingleServerIsNotDividedLater) {
  RedisConfig single = config();
  single.hosts.clear();
  EXPECT_EQ(make_redis_voter_register(single, kKeyCheck)->check(), absl::OkStatus());
  const absl::Status refused = voters_->check();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("is the only server of its register"));
}

TEST_P(ShardedRegisterTest, ACloseIsConfirmedWhenNoServerMarksAnyMore) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  EXPECT_THAT(*voters_->mark(one_for_each_server(1)), Each(kMarked));
  for (testing::RedisServer& away : servers_) {
    away.kill();
    EXPECT_FALSE(append(office, office.next(EventKind::kClose)).ok());
    away.start();
    EXPECT_FALSE(voters_->check().ok());  // the connection is broken
    // Not confirmed: the first server has not got it, whichever server was away.
    EXPECT_EQ(elections_->read(kElection, 0)->sequence, 2);
  }
  const Event close = office.next(EventKind::kClose);
  EXPECT_EQ(append(office, close).value(), AppendOutcome::kAppended);
  EXPECT_THAT(*voters_->mark(one_for_each_server(2)), Each(kOtherVote));
  for (Mark& mark : std::vector{mark_of(1'000, 3), mark_of(1'001, 3), mark_of(1'002, 3)})
    EXPECT_THAT(*voters_->mark(std::span(&mark, 1)), ElementsAre(kClosed));
  const ElectionSnapshot closed = *elections_->read(kElection, 0);
  EXPECT_EQ(closed.sequence, 3);
  EXPECT_EQ(closed.marks, std::ssize(servers_));
  EXPECT_EQ(elections_->append(signed_event(close), close, *office.state).value(),
            AppendOutcome::kOvertaken);
}

TEST_P(ShardedRegisterTest, AnEventThatStoppedHalfwayIsCompletedBeforeAnotherIsJudged) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  EventWriter other = office;
  const Event open = office.next(EventKind::kOpen);
  servers_.front().kill();
  EXPECT_FALSE(append(office, open).ok());
  servers_.front().start();
  EXPECT_EQ(elections_->read(kElection, 0)->sequence, 1);
  Event other_open = other.next(EventKind::kOpen);
  other_open.time_ms += 1'000;
  EXPECT_EQ(append(other, other_open).value(), AppendOutcome::kOvertaken);
  const ElectionSnapshot snapshot = *elections_->read(kElection, 1);
  ASSERT_THAT(snapshot.events, SizeIs(1));
  EXPECT_EQ(snapshot.events.front().data, encode(open));
  EXPECT_THAT(*voters_->mark(one_for_each_server(1)), Each(kMarked));
}

TEST_P(ShardedRegisterTest, ARollIsDividedAndItsSizeIsTheSum) {
  EventWriter office(test_definition("roll"));
  happens(office, EventKind::kDefine);
  constexpr std::int64_t kVoters = 1'000;
  wire::RollChunk chunk{.election = kElection, .chunks = 1, .count = kVoters};
  for (std::int64_t voter = 0; voter < kVoters; ++voter)
    chunk.voters.push_back({.voter = voter, .code_hash = {}});
  chunk.roll = wire::roll_hash(chunk.salt, {sha256(wire::chunk_bytes(chunk))});
  Event event = office.next(EventKind::kRoll);
  event.roll = RollSummary{.count = kVoters, .hash = chunk.roll, .chunks = 1};

  servers_.back().kill();
  EXPECT_FALSE(elections_->stage(chunk).ok());
  servers_.back().start();
  elections_ = make_redis_election_register(config());
  EXPECT_THAT(elections_->staged(kElection, chunk.roll)->chunk_hashes, IsEmpty());
  EXPECT_EQ(append(office, event).value(), AppendOutcome::kRollIncomplete);
  EXPECT_EQ(*elections_->stage(chunk), StageOutcome::kStaged);
  EXPECT_EQ(*elections_->stage(chunk), StageOutcome::kStagedBefore);
  EXPECT_EQ(elections_->staged(kElection, chunk.roll)->chunk_hashes.at(0),
            sha256(wire::chunk_bytes(chunk)));
  EXPECT_EQ(append(office, event).value(), AppendOutcome::kAppended);
  happens(office, EventKind::kOpen);
  std::vector<Mark> marks;
  for (std::int64_t voter = 0; voter < kVoters; ++voter) marks.push_back(mark_of(voter, 1));
  EXPECT_THAT(*voters_->mark(marks), Each(kMarked));
  EXPECT_THAT(*voters_->mark(std::vector{mark_of(kVoters, 1), mark_of(kVoters + 1, 1)}),
              Each(kNotOnRoll));
  for (const testing::RedisServer& server : servers_)
    EXPECT_NEAR(std::stod(server.command({"DBSIZE"}).at(0)), kVoters / 2., kVoters / 10.);
}

TEST_P(ShardedRegisterTest, AServerThatWasEmptiedIsNoticed) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  servers_.back().command({"FLUSHALL"});
  const absl::Status emptied = elections_->read(kElection, 0).status();
  EXPECT_EQ(emptied.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(emptied.message()), HasSubstr("different histories of election 12"));
  const absl::Status at_start = make_redis_voter_register(config(), kKeyCheck)->check();
  EXPECT_EQ(at_start.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(at_start.message()),
              HasSubstr("server 2 of 2 knows 0 elections, and the first one 1"));
  const auto appended = append(office, office.next(EventKind::kClose));
  EXPECT_EQ(appended.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(ShardedRegisterTest, AFirstServerThatWasEmptiedIsNoticed) {
  EventWriter office(test_definition("open"));
  happens(office, EventKind::kDefine);
  happens(office, EventKind::kOpen);
  servers_.front().command({"FLUSHALL"});
  EXPECT_EQ(elections_->read(kElection, 0).status().code(), absl::StatusCode::kFailedPrecondition);
}

INSTANTIATE_TEST_SUITE_P(Register, ShardedRegisterTest, ::testing::Values(2),
                         testing::name_of_servers);

}  // namespace
}  // namespace pollbus
