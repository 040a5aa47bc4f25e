#include "integration/under_load.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "integration/invariants.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

// A low rate, because builds with sanitizers must keep up on two cores, but high enough that every
// fault hits votes under way.
constexpr std::int64_t kVotes = 1'000;
constexpr std::int64_t kRate = 150;
constexpr std::int64_t kVoters = 2'000;
constexpr std::int64_t kBusMachine = 3;
constexpr int kBatchVotes = 10;
constexpr auto kBatchInterval = 50ms;
constexpr auto kFlowDeadline = 60s;
constexpr auto kResolveDeadline = 120s;

}  // namespace

Load::Load(const ElectionSystem& system)
    : system_(system), machine_(system.bus_machine(kBusMachine)) {
  for (const std::int64_t machine : {1, 2}) {
    processes_.push_back(system.launch_machine({.machine = machine,
                                                .votes = kVotes,
                                                .voters = kVoters,
                                                .rate = kRate,
                                                .in_flight = 10'000,
                                                .seed = machine}));
  }
  caster_ = std::jthread([this](std::stop_token stop) { cast_until_stopped(stop); });
}

Load::~Load() = default;

// A vote whose publish failed counts as cast, because it is published again at the end.
void Load::cast_until_stopped(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  std::int64_t voter = 0;
  while (!stop.stop_requested()) {
    std::vector<SubmittedVote> votes;
    for (int i = 0; i < kBatchVotes; ++i, ++voter)
      votes.push_back(machine_->draw(voter, voter % 7));
    machine_->cast(votes).IgnoreError();
    stopped.wait_for(lock, stop, kBatchInterval, [] { return false; });
  }
}

bool Load::flows(std::int64_t more_rows) {
  const std::int64_t before = system_.row_count();
  return eventually(kFlowDeadline, [&] { return system_.row_count() >= before + more_rows; });
}

void Load::finish_and_check() {
  caster_.request_stop();
  caster_.join();
  EXPECT_TRUE(machine_->resolve_all(kResolveDeadline)) << machine_->unanswered() << " unanswered";
  std::vector<MachineSummary> summaries;
  for (const auto& process : processes_) summaries.push_back(process->finish());
  expect_invariants(system_, machine_->accounts(), summaries);
}

}  // namespace pollbus::testing
