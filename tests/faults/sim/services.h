#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "bus/publisher.h"
#include "election/keyed_hash.h"
#include "faults/checker/evidence.h"
#include "faults/checker/judge.h"
#include "faults/decorators/failpoints.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/electorate.h"
#include "faults/sim/key_ring.h"
#include "faults/sim/machine_observer.h"
#include "faults/sim/simulated_bus.h"
#include "faults/sim/simulated_disk.h"
#include "faults/sim/simulated_postgres.h"
#include "faults/sim/simulated_register.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

constexpr std::int64_t kForger = 999;  // a machine id that no machine has
inline constexpr char kSubmitSubscription[] = "submit";
inline constexpr char kRecordSubscription[] = "record";
inline constexpr char kLoggerOfficeSubscription[] = "office to logger";
inline constexpr char kRecorderOfficeSubscription[] = "office to recorder";
std::string result_subscription(std::int64_t machine);

// Everything that a simulated service has around it.
struct Surroundings {
  World& world;
  const Profile& profile;
  SimulatedBus& bus;
  SimulatedRegister& redis;
  SimulatedPostgres& postgres;
  Evidence& evidence;
  const Keys& keys;
  const KeyRing& ring;
  const Electorate& electorate;
  prometheus::Registry& metrics;
  Failpoints failpoints;
  const Mutant& mutant;
};

// The loop of a subscriber's thread, which calls the handler.
void work(Surroundings& around, Process& process, const std::string& subscription,
          const BatchHandler& handler);

// Each does what the main() of its service does, with the service's real code and simulated
// surroundings, and spawns the process's threads. What the threads use lives as long as they do.
void run_logger(Surroundings& around, Process& process);
void run_recorder(Surroundings& around, Process& process);

// What outlives the process of a machine.
struct MachineState {
  std::int64_t id = 0;
  std::int64_t votes = 0;  // to be cast in all lives together
  std::uint64_t seed = 0;
  SimulatedDisk disk;
  MachineRecord record;
  bool is_done = false;
};
void run_machine(Surroundings& around, Process& process, MachineState& state);

// A machine like the original program: publishes each vote until the bus accepts it, never again,
// and waits for the answers. If the services have keys, it has them, too.
void run_original_machine(Surroundings& around, Process& process, MachineState& state);

// Publishes messages that are not votes.
void run_poisoner(Surroundings& around, Process& process, int count);

// A logger that has been taken over: publishes different votes under the UUIDs of stored votes, and
// watches how they are answered.
void run_forger(Surroundings& around, Process& process, int count);

}  // namespace pollbus::faults
