#include "stores/redis_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/settings.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

// Marks lie where these say, so they must stay what they are.
TEST(RedisServersTest, AVoterAlwaysBelongsToTheSameServer) {
  EXPECT_EQ(server_of(12, 43, 1), 0U);
  std::vector<std::size_t> servers;
  for (int voter = 0; voter < 8; ++voter) servers.push_back(server_of(12, voter, 3));
  EXPECT_THAT(servers, ElementsAre(0, 1, 1, 1, 0, 1, 0, 1));
}

TEST(RedisServersTest, VotersAreSpreadEvenlyWhateverTheirNumbersHaveInCommon) {
  constexpr int kVoters = 10'000;
  constexpr std::size_t kServers = 4;
  for (const std::int64_t step : {1, 2, 4, 64, 1'000'000'007}) {
    std::vector<int> voters(kServers);
    for (int i = 0; i < kVoters; ++i) ++voters[server_of(12, i * step, kServers)];
    constexpr double kEach = double{kVoters} / kServers;
    for (const int count : voters) EXPECT_NEAR(count, kEach, kEach / 10) << step;
  }
}

std::vector<std::string> problems_with(const std::string& hosts, RedisConfig* config) {
  Settings settings("logger", "");
  config->add_to(settings);
  const char* const argv[] = {"logger"};
  settings.parse(1, argv, [&](const std::string& name) -> std::optional<std::string> {
    if (name == "REDIS_HOSTS") return hosts;
    return std::nullopt;
  });
  return settings.problems();
}

TEST(RedisServersTest, RedisHostsNamesTheServersInOrder) {
  RedisConfig config;
  EXPECT_THAT(problems_with("redis-a:6379,[::1]:6380", &config), IsEmpty());
  EXPECT_EQ(config.where(), "redis-a:6379, [::1]:6380");
  const std::vector<RedisConfig> servers = servers_of(config);
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0].host, "redis-a");
  EXPECT_EQ(servers[0].port, 6379);
  EXPECT_EQ(servers[1].host, "::1");
  EXPECT_EQ(servers[1].number, 2);
  EXPECT_EQ(servers[1].servers, 2);
}

TEST(RedisServersTest, WithoutRedisHostsThereIsOneServer) {
  RedisConfig config;
  EXPECT_THAT(problems_with("", &config), IsEmpty());
  EXPECT_EQ(servers_of(config).size(), 1U);
  EXPECT_EQ(config.where(), "127.0.0.1:6379");
}

TEST(RedisServersTest, AListThatCannotBeMeantIsRefused) {
  RedisConfig config;
  EXPECT_THAT(problems_with("redis-a,redis-b:6379", &config),
              Contains(AllOf(HasSubstr("host:port"), HasSubstr("got \"redis-a,redis-b:6379\""))));
  EXPECT_THAT(problems_with("a:1,b:1,a:1", &config), Contains(HasSubstr("not a:1 twice")));
}

class FakeServer final : public RedisVoterServer {
 public:
  explicit FakeServer(std::chrono::milliseconds now) : now_(now) {}
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark>) override {
    return std::vector<MarkOutcome>();
  }
  absl::Status send(std::span<const Mark>) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<MarkOutcome>> receive() override { return std::vector<MarkOutcome>(); }
  absl::Status check() override { return absl::OkStatus(); }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts(); }
  absl::StatusOr<std::int64_t> elections() override { return 0; }
  absl::StatusOr<std::chrono::milliseconds> now() override { return now_; }

 private:
  std::chrono::milliseconds now_;
};

absl::Status check_of_clocks(const std::vector<std::chrono::milliseconds>& clocks) {
  std::vector<std::unique_ptr<RedisVoterServer>> servers;
  for (const auto clock : clocks) servers.push_back(std::make_unique<FakeServer>(clock));
  return make_sharded_voter_register(std::move(servers))->check();
}

TEST(RedisServersTest, ServersWhoseClocksDifferByMoreThanASecondAreNotReady) {
  EXPECT_EQ(check_of_clocks({5'000'000ms, 5'000'900ms, 5'000'000ms}), absl::OkStatus());
  const absl::Status differs = check_of_clocks({5'000'000ms, 5'000'000ms, 4'900'000ms});
  EXPECT_EQ(differs.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(differs.message()), HasSubstr("differ by 100000 ms"));
}

class FakeElectionServer final : public RedisElectionServer {
 public:
  explicit FakeElectionServer(ElectionSnapshot snapshot) : snapshot_(std::move(snapshot)) {}
  absl::StatusOr<ElectionSnapshot> read(std::int64_t, std::int64_t) override { return snapshot_; }
  absl::StatusOr<std::vector<std::int64_t>> elections() override { return none(); }
  absl::StatusOr<AppendOutcome> append(const SignedEvent&, const Event&,
                                       const ElectionState&) override {
    return none();
  }
  absl::StatusOr<StageOutcome> stage(const wire::RollChunk&) override { return none(); }
  absl::StatusOr<StagedRoll> staged(std::int64_t, const Sha256&) override { return none(); }
  absl::StatusOr<NewVoterOutcome> keep(const wire::NewVoter&, const ElectionState&) override {
    return none();
  }
  absl::Status remove_staged(std::int64_t, const std::optional<Sha256>&) override { return none(); }
  absl::StatusOr<AppendOutcome> append_part(const SignedEvent&, const Event&, const ElectionState&,
                                            std::int64_t) override {
    return none();
  }
  absl::StatusOr<StageOutcome> stage_part(const wire::RollChunk&, const Sha256&) override {
    return none();
  }
  absl::StatusOr<std::int64_t> count_part(std::int64_t, const RollSummary&) override {
    return none();
  }

 private:
  static absl::Status none() { return absl::UnimplementedError("not asked for"); }
  ElectionSnapshot snapshot_;
};

// A seal must not count the marks before the slowest clock has closed the election.
TEST(RedisServersTest, TheTimeOfARegisterIsThatOfItsSlowestClockAndItsMarksAreTheSum) {
  std::vector<std::unique_ptr<RedisElectionServer>> servers;
  for (const std::int64_t now_ms : {5'000, 4'200, 4'700}) {
    servers.push_back(std::make_unique<FakeElectionServer>(
        ElectionSnapshot{.now_ms = now_ms, .marks = now_ms / 100}));
  }
  const auto read = make_sharded_election_register(std::move(servers))->read(12, 0);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->now_ms, 4'200);
  EXPECT_EQ(read->marks, 50 + 42 + 47);
}

}  // namespace
}  // namespace pollbus
