#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/failpoint.h"
#include "faults/checker/evidence.h"
#include "faults/sim/network.h"
#include "faults/sim/profile.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

// Does to processes and servers what the profile allows, at random moments and at the failpoints of
// the services' code, until heal().
class Chaos {
 public:
  // Borrows all but the functions. `processes` tells who lives now.
  Chaos(World& world, const Profile& profile, Evidence& evidence, std::vector<Server*> servers,
        std::function<std::vector<Process*>()> processes)
      : world_(world),
        profile_(profile),
        evidence_(evidence),
        servers_(std::move(servers)),
        processes_(std::move(processes)) {}

  void begin();
  // For the oracle of base/failpoint.h.
  absl::Status reached(Failpoint place);
  // Ends all faults, but for threads and processes that stand still: returns when the last of them
  // goes on. The profile is its owner's.
  SteadyTime heal();

 private:
  void schedule();
  void strike();
  void standstill(const char* kind, const std::string& target, std::chrono::nanoseconds duration);
  void strike(Process& process);
  void strike(Server& server);
  // Notes a fault that lasts so long, and what ends it.
  void lasts(const char* kind, const std::string& target, std::chrono::nanoseconds duration,
             std::function<void()> end);
  void note(const char* kind, const std::string& target,
            std::optional<std::chrono::nanoseconds> duration);

  World& world_;
  const Profile& profile_;
  Evidence& evidence_;
  std::vector<Server*> servers_;
  std::function<std::vector<Process*>()> processes_;
  bool is_healed_ = false;
  std::int64_t last_fault_ = 0;
  SteadyTime standstill_ends_{};
};

}  // namespace pollbus::faults
