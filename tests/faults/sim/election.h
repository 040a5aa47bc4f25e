#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/failpoint.h"
#include "faults/checker/judge.h"
#include "faults/sim/profile.h"

namespace pollbus::faults {

// What became of one simulated election.
struct SimulatedElection {
  Profile profile;
  Evidence evidence;
  Judgement judgement;
  std::int64_t simulated_us = 0;
  // From the last heal until every vote was answered; negative: before it.
  std::int64_t resolved_after_us = 0;
  std::string history;  // of all that happened, when it was traced
};

// The keys of every simulated election.
const Keys& simulation_keys();

// Runs the election of a seed, on this thread: the same seed is the same election. With a mutant,
// the services make its mistake.
SimulatedElection simulate(std::uint64_t seed, std::optional<Mutant> mutant, bool is_traced);

}  // namespace pollbus::faults
