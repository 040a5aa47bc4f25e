#pragma once

#include <cstdint>
#include <string>

#include "faults/checker/judge.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/profile.h"

namespace pollbus::faults {

// How one simulated election went.
struct SimulatedElection {
  Profile profile;
  Evidence evidence;
  Judgement judgement;
  std::int64_t simulated_us = 0;
  // From the end of the last fault until every vote was answered.
  std::int64_t resolved_after_us = 0;
  std::string history;  // everything that happened, when it was traced
};

// The keys of every simulated election.
const Keys& simulation_keys();

// Runs the election of a seed on this thread; the same seed gives the same election. The services
// make the mutant's mistake; `Mutant{}` makes none.
SimulatedElection simulate(std::uint64_t seed, const Mutant& mutant, bool is_traced);

}  // namespace pollbus::faults
