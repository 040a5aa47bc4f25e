#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "integration/election_system.h"

namespace pollbus::testing {

// An election under load: two machines that run as processes and a third one that the test
// controls. They share some voters. Not thread-safe.
class Load {
 public:
  explicit Load(const ElectionSystem& system);
  ~Load();

  // Waits until there are that many more rows than now.
  bool flows(std::int64_t more_rows);

  // Ends the load, waits until every vote is resolved, and checks the invariants.
  void finish_and_check();

  MachineProcess& machine(std::size_t i) { return *processes_.at(i); }

 private:
  void cast_until_stopped(std::stop_token stop);

  const ElectionSystem& system_;
  std::vector<std::unique_ptr<MachineProcess>> processes_;
  std::unique_ptr<BusMachine> machine_;
  std::jthread caster_;
};

}  // namespace pollbus::testing
