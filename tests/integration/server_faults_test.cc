// Redis, PostgreSQL and the bus fail while votes are under way. No vote is lost or counted twice,
// and services report that they are not ready and become ready again without a restart.
#include <functional>

#include "integration/election_fixture.h"
#include "integration/under_load.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kFlowing = 100;
constexpr auto kNoticeDeadline = 60s;
constexpr auto kRecoveryDeadline = 60s;

using Services = std::vector<std::unique_ptr<VotingService>>;

class ServerFaultsTest : public ElectionTest {
 protected:
  // Calls `fail` while votes are under way, and `recover` once each of `affected` has noticed.
  void expect_recovery(ElectionSystem& system, Load& load,
                       const std::vector<VotingService*>& affected,
                       const std::function<void()>& fail, const std::function<void()>& recover) {
    ASSERT_TRUE(load.flows(kFlowing));
    fail();
    for (const VotingService* service : affected) {
      EXPECT_TRUE(eventually(kNoticeDeadline, [&] { return !service->is_ready(); }))
          << service->name() << " did not notice";
    }
    recover();
    EXPECT_TRUE(system.wait_until_all_ready(kRecoveryDeadline)) << "not ready again";
    EXPECT_TRUE(load.flows(kFlowing)) << "no votes get through";
  }

  // Stops the server, starts it, kills it and starts it again, all under one load.
  void expect_faults_leave_no_trace(ElectionSystem& system, Server& server,
                                    const std::vector<VotingService*>& affected) {
    Load load(system);
    for (const auto& fail :
         std::vector<std::function<void()>>{[&] { server.stop(); }, [&] { server.kill(); }}) {
      expect_recovery(system, load, affected, fail, [&] { server.start(); });
    }
    load.finish_and_check();
  }

  static std::vector<VotingService*> all_of(const Services& services) {
    std::vector<VotingService*> all;
    for (const auto& service : services) all.push_back(service.get());
    return all;
  }
};

TEST_F(ServerFaultsTest, RedisStoppedAndKilledUnderLoadCostsNoVote) {
  ElectionSystem& system = begin({.loggers = 2});
  expect_faults_leave_no_trace(system, system.redis, all_of(system.loggers));
}

TEST_F(ServerFaultsTest, PostgresStoppedAndKilledUnderLoadCostsNoVote) {
  ElectionSystem& system = begin({.recorders = 2});
  expect_faults_leave_no_trace(system, system.postgres, all_of(system.recorders));
}

TEST_F(ServerFaultsTest, TheBrokerStoppedAndKilledUnderLoadCostsNoVote) {
  ElectionSystem& system = begin();
  expect_faults_leave_no_trace(system, system.broker, system.services());
}

TEST_F(ServerFaultsTest, ASilentRedisIsWaitedFor) {
  ElectionSystem& system = begin({.loggers = 2});
  Load load(system);
  expect_recovery(
      system, load, all_of(system.loggers), [&] { system.redis.signal(SIGSTOP); },
      [&] { system.redis.signal(SIGCONT); });
  load.finish_and_check();
}

TEST_F(ServerFaultsTest, ASilentPostgresIsWaitedFor) {
  ElectionSystem& system = begin({.recorders = 2});
  Load load(system);
  expect_recovery(
      system, load, all_of(system.recorders), [&] { system.postgres.freeze(); },
      [&] { system.postgres.thaw(); });
  load.finish_and_check();
}

// Publishers notice first, when no answer arrives; by then votes under way have timed out too.
TEST_F(ServerFaultsTest, ABrokerThatIsSilentForAWhileIsWaitedFor) {
  ElectionSystem& system = begin();
  Load load(system);
  expect_recovery(
      system, load, {&load.machine(0), &load.machine(1)}, [&] { system.broker.signal(SIGSTOP); },
      [&] { system.broker.signal(SIGCONT); });
  load.finish_and_check();
}

}  // namespace
}  // namespace pollbus::testing
