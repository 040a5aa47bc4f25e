#include <algorithm>
#include <random>
#include <thread>

#include "election/wire.h"
#include "integration/election_fixture.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kVoters = 3'000;
constexpr std::int64_t kChoices = 5;

class RaceTest : public ElectionTest {
 protected:
  // Casts one vote for every voter, in a random order that differs between machines.
  static std::vector<SubmittedVote> votes_of_all(const BusMachine& machine, std::uint32_t seed) {
    std::vector<SubmittedVote> votes;
    for (int voter = 0; voter < kVoters; ++voter) {
      votes.push_back(machine.draw(voter, (voter + seed) % kChoices));
    }
    std::shuffle(votes.begin(), votes.end(), std::mt19937(seed));
    return votes;
  }
};

TEST_F(RaceTest, ThreeLoggersAndThreeMachinesAcceptEachOf3000VotersOnce) {
  ElectionSystem& system = begin({.loggers = 3, .recorders = 3});
  std::vector<std::unique_ptr<BusMachine>> machines;
  for (int machine = 1; machine <= 3; ++machine) {
    machines.push_back(system.bus_machine(machine));
  }
  std::vector<std::thread> racers;
  for (std::uint32_t i = 0; i < machines.size(); ++i) {
    racers.emplace_back([&machine = *machines[i], i] {
      EXPECT_EQ(machine.cast(votes_of_all(machine, i)), absl::OkStatus());
      // No server fails in this test, so no vote has to be published again.
      EXPECT_TRUE(machine.wait_for_all_answers(120s));
    });
  }
  for (std::thread& racer : racers) racer.join();
  EXPECT_EQ(system.row_count(), kVoters);
  expect_invariants(
      system, merged({machines[0]->accounts(), machines[1]->accounts(), machines[2]->accounts()}));
}

TEST_F(RaceTest, ThreeVotingMachinesWithTheSameVotersAgreeOnWhoVoted) {
  ElectionSystem& system = begin({.loggers = 3, .recorders = 2});
  const Witness witness(system.bus(), system.topic());
  std::vector<std::unique_ptr<MachineProcess>> machines;
  for (int machine = 1; machine <= 3; ++machine) {
    machines.push_back(system.launch_machine(
        {.machine = machine, .votes = 2'000, .voters = kVoters, .seed = machine}));
  }
  std::vector<MachineSummary> summaries;
  for (const auto& machine : machines) summaries.push_back(machine->finish());
  for (const MachineSummary& summary : summaries) EXPECT_EQ(summary.sent, 2'000);
  expect_invariants(system, {}, summaries);
  const auto all_are_witnessed = [&] {
    const Accounts accounts = witness.accounts();
    return accounts.size() == 6'000 && std::ranges::all_of(accounts, [](const auto& entry) {
             return entry.second.is_answered();
           });
  };
  // Reading all answers is slow, so first wait until there are enough.
  const auto enough_is_witnessed = [&] {
    return witness.count(wire::kSubmitVote) >= 6'000 && witness.count(wire::kResult) >= 6'000;
  };
  EXPECT_TRUE(eventually(60s, enough_is_witnessed));
  EXPECT_TRUE(eventually(20s, all_are_witnessed));
  expect_invariants(system, witness.accounts(), summaries);
}

}  // namespace
}  // namespace pollbus::testing
