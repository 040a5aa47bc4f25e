#include "stores/voter_register.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "integration/register_fixture.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using enum MarkOutcome;
using namespace std::chrono_literals;

constexpr std::int64_t kElection = 12;
constexpr std::int64_t kSomeVoter = 43'434'343;
constexpr KeyedHash kKeyCheck = {1, 2, 3};

KeyedHash fingerprint_of(int vote) {
  KeyedHash hash{};
  hash[0] = static_cast<unsigned char>(vote);
  hash[1] = static_cast<unsigned char>(vote >> 8);
  return hash;
}

Mark mark_of(std::int64_t voter, int vote) {
  return {.election = kElection, .voter = voter, .fingerprint = fingerprint_of(vote)};
}

class VoterRegisterTest : public testing::RegisterTest {
 protected:
  std::vector<MarkOutcome> outcomes(VoterRegister& voters, const std::vector<Mark>& marks) {
    auto result = voters.mark(marks);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : std::vector<MarkOutcome>();
  }

  absl::Status refusal(VoterRegister& voters) {
    return voters.mark(std::vector{mark_of(kSomeVoter, 7)}).status();
  }
  std::string address_of(std::int64_t voter) {
    return "127.0.0.1:" + std::to_string(server_for(kElection, voter).port());
  }

  std::unique_ptr<VoterRegister> voters_ = make_redis_voter_register(config(), kKeyCheck);
};

TEST_P(VoterRegisterTest, TheFirstVoteMarksTheVoterAndLaterVotesDoNot) {
  EXPECT_THAT(outcomes(*voters_, {mark_of(1, 10), mark_of(2, 20)}), ElementsAre(kMarked, kMarked));
  EXPECT_THAT(outcomes(*voters_, {mark_of(1, 10), mark_of(2, 21), mark_of(3, 30)}),
              ElementsAre(kSameVoteAgain, kOtherVote, kMarked));
  EXPECT_THAT(outcomes(*voters_, {mark_of(2, 20)}), ElementsAre(kSameVoteAgain));
  EXPECT_THAT(outcomes(*voters_, {}), IsEmpty());
}

TEST_P(VoterRegisterTest, VotesOfOneVoterCountInTheOrderOfTheBatch) {
  EXPECT_THAT(outcomes(*voters_, {mark_of(1, 10), mark_of(1, 11), mark_of(1, 10), mark_of(1, 12)}),
              ElementsAre(kMarked, kOtherVote, kSameVoteAgain, kOtherVote));
}

TEST_P(VoterRegisterTest, ElectionsAreIndependent) {
  Mark elsewhere = mark_of(1, 11);
  elsewhere.election = 13;
  EXPECT_THAT(outcomes(*voters_, {mark_of(1, 10), elsewhere}), ElementsAre(kMarked, kMarked));
}

TEST_P(VoterRegisterTest, ABatchOfAnySizeKeepsItsOrder) {
  constexpr int kVoters = 5'001;
  std::vector<Mark> marks;
  for (int voter = 0; voter < kVoters; ++voter) marks.push_back(mark_of(voter, voter));
  EXPECT_THAT(outcomes(*voters_, marks), Each(kMarked));
  for (int voter = 0; voter < kVoters; voter += 2) marks[voter] = mark_of(voter, voter + 1);
  const auto again = outcomes(*voters_, marks);
  ASSERT_EQ(again.size(), marks.size());
  for (int voter = 0; voter < kVoters; ++voter) {
    EXPECT_EQ(again[voter], voter % 2 == 0 ? kOtherVote : kSameVoteAgain) << voter;
  }
}

TEST_P(VoterRegisterTest, AMarkIsAKeyThatHoldsOnlyTheFingerprint) {
  Mark mark = mark_of(43, 0);
  for (std::size_t i = 0; i < mark.fingerprint.size(); ++i) {
    mark.fingerprint[i] = static_cast<unsigned char>('a' + i);
  }
  outcomes(*voters_, {mark});
  EXPECT_THAT(keys("*"), ElementsAre("voted:12:43"));
  EXPECT_THAT(server_for(kElection, 43).command({"GET", "voted:12:43"}),
              ElementsAre("abcdefghijklmnop"));
}

TEST_P(VoterRegisterTest, MarksSurviveAKilledServerAndTheRegisterReconnects) {
  outcomes(*voters_, {mark_of(1, 10)});
  kill();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(refusal(*voters_).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(voters_->check().code(), absl::StatusCode::kUnavailable);
  }
  start();
  EXPECT_TRUE(voters_->check().ok());
  EXPECT_THAT(outcomes(*voters_, {mark_of(1, 10), mark_of(1, 11)}),
              ElementsAre(kSameVoteAgain, kOtherVote));
}

TEST_P(VoterRegisterTest, AfterATimeoutALateAnswerIsNotTakenForAnother) {
  RedisConfig impatient = config();
  impatient.command_timeout = 200ms;
  const auto voters = make_redis_voter_register(impatient, kKeyCheck);
  outcomes(*voters, {mark_of(1, 10)});
  signal_all(SIGSTOP);
  const auto silent = voters->mark(std::vector{mark_of(2, 20), mark_of(3, 30)});
  EXPECT_EQ(silent.status().code(), absl::StatusCode::kDeadlineExceeded) << silent.status();
  EXPECT_EQ(voters->check().code(), absl::StatusCode::kDeadlineExceeded);
  signal_all(SIGCONT);
  // The marks may have been made nevertheless, by these same votes.
  EXPECT_THAT(outcomes(*voters, {mark_of(1, 11), mark_of(2, 20), mark_of(2, 21)}),
              ElementsAre(kOtherVote, ::testing::AnyOf(kMarked, kSameVoteAgain), kOtherVote));
}

TEST_P(VoterRegisterTest, ARefusedPasswordIsTransientAndIsNotQuoted) {
  RedisConfig wrong = config();
  wrong.password = Secret("canary-wrong");
  const absl::Status refused = refusal(*make_redis_voter_register(wrong, kKeyCheck));
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("refuses the configured password"), HasSubstr(address_of(kSomeVoter)),
                    Not(HasSubstr("canary"))));
  wrong.password = Secret();
  const absl::Status missing = refusal(*make_redis_voter_register(wrong, kKeyCheck));
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("asks for a password"));
}

TEST_P(VoterRegisterTest, AKeyThatIsNotAMarkRefusesItsVoterAndNoOther) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"SET", "voted:12:2", "1"},
                                             {"SET", "voted:12:2", ""},
                                             {"SET", "voted:12:2", std::string(17, 'x')},
                                             {"LPUSH", "voted:12:2", "1"},
                                             {"HSET", "voted:12:2", "1", "1"}}) {
    this->command({"FLUSHALL"});
    server_for(kElection, 2).command(command);
    const std::vector<Mark> marks = {mark_of(1, 10), mark_of(2, 20), mark_of(3, 30)};
    EXPECT_THAT(outcomes(*voters_, marks), ElementsAre(kMarked, kRefused, kMarked));
    EXPECT_THAT(outcomes(*voters_, marks), ElementsAre(kSameVoteAgain, kRefused, kSameVoteAgain));
    server_for(kElection, 2).command({"DEL", "voted:12:2"});
    EXPECT_THAT(outcomes(*voters_, marks), ElementsAre(kSameVoteAgain, kMarked, kSameVoteAgain));
  }
}

TEST_P(VoterRegisterTest, ARegisterBelongsToTheFirstLoggerKey) {
  EXPECT_EQ(voters_->check(), absl::OkStatus());
  EXPECT_EQ(voters_->check(), absl::OkStatus());
  EXPECT_EQ(make_redis_voter_register(config(), kKeyCheck)->check(), absl::OkStatus());
  const absl::Status other = make_redis_voter_register(config(), KeyedHash{9})->check();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.message()), HasSubstr("another LOGGER_KEY"));
  kill();
  start();
  EXPECT_EQ(make_redis_voter_register(config(), KeyedHash{9})->check().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(VoterRegisterTest, MarksAreCountedByElectionAndOnlyOnce) {
  EXPECT_TRUE(voters_->counts()->by_election.empty());
  Mark elsewhere = mark_of(1, 11);
  elsewhere.election = 13;
  const std::vector<Mark> marks = {mark_of(1, 10), elsewhere, mark_of(2, 20), mark_of(1, 12)};
  outcomes(*voters_, marks);
  outcomes(*voters_, marks);
  const ElectionCounts counts = *voters_->counts();
  EXPECT_THAT(counts.by_election, ElementsAre(Pair(12, 2), Pair(13, 1)));
  EXPECT_EQ(counts.missing, 0);
}

TEST_P(VoterRegisterTest, MarksThatWereDeletedAreMissing) {
  outcomes(*voters_, {mark_of(1, 10), mark_of(2, 20), mark_of(3, 30)});
  command({"DEL", "voted:12:1", "voted:12:3"});
  EXPECT_EQ(voters_->counts()->missing, 2);
  command({"FLUSHDB"});
  EXPECT_EQ(voters_->counts()->missing, 3);
}

TEST_P(VoterRegisterTest, AMarkIsCountedInTheStepThatMakesIt) {
  constexpr int kVoters = 20'000;
  std::vector<Mark> marks;
  for (int voter = 0; voter < kVoters; ++voter) marks.push_back(mark_of(voter, voter));
  std::thread logger([&] { voters_->mark(marks).IgnoreError(); });
  kill();
  logger.join();
  start();
  const auto marked = static_cast<std::int64_t>(keys("voted:*").size());
  const auto voters = make_redis_voter_register(config(), kKeyCheck);
  EXPECT_EQ(voters->counts()->by_election[kElection], marked);
  outcomes(*voters, marks);
  EXPECT_EQ(voters->counts()->by_election[kElection], kVoters);
}

TEST_P(VoterRegisterTest, AForeignKeyInPlaceOfTheCountsStopsTheLogger) {
  command({"EVAL", "redis.call('SELECT', 1) redis.call('SET', 'pollbus:marks', 'x')", "0"});
  EXPECT_EQ(voters_->counts().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(refusal(*voters_).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(VoterRegisterTest, AServerThatTakesNoWritesIsNotReady) {
  EXPECT_TRUE(voters_->check().ok());
  EXPECT_THAT(keys("*"), IsEmpty());
  command({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_THAT(std::string(voters_->check().message()), HasSubstr("maxmemory"));
  EXPECT_EQ(refusal(*voters_).code(), absl::StatusCode::kUnavailable);
  command({"CONFIG", "SET", "maxmemory", "0"});
  command({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_THAT(std::string(voters_->check().message()), HasSubstr("replica"));
  EXPECT_EQ(refusal(*voters_).code(), absl::StatusCode::kUnavailable);
  command({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(voters_->check().ok());
}

TEST_P(VoterRegisterTest, LoggersThatRaceMarkEachVoterOnce) {
  constexpr int kLoggers = 3;
  constexpr int kVoters = 2'500;
  std::vector<std::vector<MarkOutcome>> all(kLoggers);
  std::vector<std::thread> loggers;
  for (int logger = 0; logger < kLoggers; ++logger) {
    loggers.emplace_back([&, logger] {
      const auto voters = make_redis_voter_register(config(), kKeyCheck);
      std::vector<Mark> marks;
      for (int voter = 0; voter < kVoters; ++voter) marks.push_back(mark_of(voter, logger));
      all[logger] = outcomes(*voters, marks);
    });
  }
  for (std::thread& logger : loggers) logger.join();
  for (int voter = 0; voter < kVoters; ++voter) {
    int marked = 0;
    for (const auto& each : all) marked += each.at(voter) == kMarked;
    EXPECT_EQ(marked, 1) << voter;
  }
}

TEST_P(VoterRegisterTest, AServerThatDoesNotRunIsUnavailableAndNamed) {
  for (testing::RedisServer& server : servers_) server.stop();
  const absl::Status status = refusal(*voters_);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Redis at " + address_of(kSomeVoter)));
  EXPECT_EQ(redis_durability_warnings(config()).status().code(), absl::StatusCode::kUnavailable);
}

TEST_P(VoterRegisterTest, EachSettingThatCouldLoseAMarkCausesAWarning) {
  EXPECT_THAT(*redis_durability_warnings(config()), IsEmpty());
  servers_.back().command({"CONFIG", "SET", "appendfsync", "everysec", "no-appendfsync-on-rewrite",
                           "yes", "maxmemory-policy", "allkeys-lru", "appendonly", "no"});
  EXPECT_THAT(*redis_durability_warnings(config()),
              ElementsAre(HasSubstr("appendonly is no"), HasSubstr("appendfsync is everysec"),
                          HasSubstr("no-appendfsync-on-rewrite is yes"), HasSubstr("allkeys-lru")));
  servers_.back().command({"ACL", "SETUSER", "default", "-config"});
  EXPECT_THAT(*redis_durability_warnings(config()), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Register, VoterRegisterTest, ::testing::Values(1, 2),
                         testing::name_of_servers);

}  // namespace
}  // namespace pollbus
