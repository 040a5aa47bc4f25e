#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "bus/publisher.h"
#include "election/keyed_hash.h"
#include "faults/checker/evidence.h"
#include "faults/checker/judge.h"
#include "faults/sim/simulated_bus.h"
#include "faults/sim/simulated_disk.h"
#include "faults/sim/simulated_stores.h"
#include "faults/sim/world.h"
#include "voting_machine/machine.h"

namespace pollbus::faults {

constexpr std::int64_t kElection = 12;
inline constexpr char kSubmitSubscription[] = "submit";
inline constexpr char kRecordSubscription[] = "record";
std::string result_subscription(std::int64_t machine);

// All that a simulated service has around it.
struct Surroundings {
  World& world;
  const Profile& profile;
  SimulatedBus& bus;
  SimulatedRedis& redis;
  SimulatedPostgres& postgres;
  Evidence& evidence;
  const Keys& keys;
  prometheus::Registry& metrics;
};

// What the services' own main functions do: the real decisions in the middle, simulated
// surroundings around them. Each spawns a process's threads; all that they use lives as long as
// these threads.
void run_logger(Surroundings& around, Process& process);
void run_recorder(Surroundings& around, Process& process);

// A machine, over all its lives.
struct MachineState {
  std::int64_t id = 0;
  std::int64_t votes = 0;  // to be cast
  std::int64_t cast = 0;   // of these
  std::uint64_t seed = 0;
  SimulatedDisk disk;
  bool is_done = false;
};
void run_machine(Surroundings& around, Process& process, MachineState& state);

// One like the original program: publishes each vote until the bus has it, then waits.
void run_original_machine(Surroundings& around, Process& process, MachineState& state);

// Publishes what is no vote.
void run_poisoner(Surroundings& around, Process& process, int count);

}  // namespace pollbus::faults
