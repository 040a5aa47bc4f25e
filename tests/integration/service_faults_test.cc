// Services and machines that are killed or stopped while votes are under way.
#include <functional>

#include "integration/election_fixture.h"
#include "integration/under_load.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kFlowing = 100;

class ServiceFaultsTest : public ElectionTest {};

TEST_F(ServiceFaultsTest, LoggersAndRecordersKilledUnderLoadLoseNothing) {
  ElectionSystem& system = begin({.loggers = 2, .recorders = 2});
  Load load(system);
  for (VotingService* service : system.services()) {
    ASSERT_TRUE(load.flows(kFlowing));
    service->kill();
    // Waits until the other replica has taken over.
    EXPECT_TRUE(load.flows(kFlowing)) << "without " << service->name();
    service->start();
  }
  load.finish_and_check();
}

TEST_F(ServiceFaultsTest, AllServicesKilledAtOnceUnderLoadLoseNothing) {
  ElectionSystem& system = begin({.loggers = 2, .recorders = 2});
  Load load(system);
  ASSERT_TRUE(load.flows(kFlowing));
  for (VotingService* service : system.services()) service->kill();
  system.start_services();
  EXPECT_TRUE(load.flows(kFlowing));
  load.finish_and_check();
}

TEST_F(ServiceFaultsTest, ServicesStoppedUnderLoadEndInTimeAndLoseNothing) {
  ElectionSystem& system = begin({.loggers = 2, .recorders = 2});
  Load load(system);
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(load.flows(kFlowing));
    for (const auto& [name, code] : system.stop_services(kStopLimit)) EXPECT_EQ(code, 0) << name;
    system.start_services();
  }
  EXPECT_TRUE(load.flows(kFlowing));
  load.finish_and_check();
}

TEST_F(ServiceFaultsTest, ServicesStopInTimeWhileNoStoreAnswers) {
  ElectionSystem& system = begin();
  Load load(system);
  ASSERT_TRUE(load.flows(kFlowing));
  system.redis.kill();
  system.postgres.kill();
  for (VotingService* service : system.services()) {
    EXPECT_TRUE(eventually(30s, [&] { return !service->is_ready(); })) << service->name();
  }
  for (const auto& [name, code] : system.stop_services(kStopLimit)) EXPECT_EQ(code, 0) << name;
  system.redis.start();
  system.postgres.start();
  system.start_services();
  load.finish_and_check();
}

TEST_F(ServiceFaultsTest, AMachineKilledUnderLoadFinishesFromItsJournal) {
  ElectionSystem& system = begin();
  const Witness witness(system.bus(), system.topic());
  const auto machine = system.launch_machine(
      {.machine = 1, .votes = 3'000, .voters = 100'000, .rate = 300, .in_flight = 1'000});
  ASSERT_TRUE(eventually(60s, [&] { return system.row_count() > 100; }));
  // Votes that were published or answered meanwhile must be resolved after the restart.
  system.recorders[0]->signal(SIGSTOP);
  const auto seen = witness.accounts().size();
  ASSERT_TRUE(eventually(60s, [&] { return witness.accounts().size() > seen + 50; }));
  machine->kill();
  system.recorders[0]->signal(SIGCONT);

  const auto second =
      system.launch_machine({.machine = 1, .votes = 10, .voters = 100'000, .seed = 2});
  const MachineSummary summary = second->finish();
  EXPECT_EQ(summary.sent, 10);
  EXPECT_GE(summary.recovered, 50);
  EXPECT_EQ(summary.pending, 0);
  EXPECT_EQ(summary.successful + summary.already_voted, summary.sent + summary.recovered);
  EXPECT_TRUE(eventually(20s, [&] {
    return std::ranges::all_of(witness.accounts(),
                               [](const auto& entry) { return entry.second.is_answered(); });
  }));
  expect_invariants(system, witness.accounts());
}

TEST_F(ServiceFaultsTest, AMachineStoppedUnderLoadKeepsWhatHasNoAnswer) {
  ElectionSystem& system = begin();
  const Witness witness(system.bus(), system.topic());
  const auto machine = system.launch_machine(
      {.machine = 1, .votes = 3'000, .voters = 100'000, .rate = 300, .in_flight = 1'000});
  ASSERT_TRUE(eventually(60s, [&] { return system.row_count() > 100; }));
  system.recorders[0]->signal(SIGSTOP);
  const auto seen = witness.accounts().size();
  ASSERT_TRUE(eventually(60s, [&] { return witness.accounts().size() > seen + 50; }));
  EXPECT_EQ(machine->stop(), 0);
  system.recorders[0]->signal(SIGCONT);
  const MachineSummary first = machine->summary();
  EXPECT_GE(first.pending, 50);
  EXPECT_EQ(first.successful + first.already_voted + first.pending, first.sent);

  const auto second = system.launch_machine({.machine = 1, .votes = 0, .voters = 100'000});
  const MachineSummary summary = second->finish();
  EXPECT_EQ(summary.recovered, first.pending);
  EXPECT_EQ(summary.successful + summary.already_voted, first.pending);
  EXPECT_EQ(system.row_count(), first.successful + summary.successful);
}

}  // namespace
}  // namespace pollbus::testing
