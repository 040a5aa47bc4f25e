#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/sim/network.h"
#include "faults/sim/profile.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

// Makes the faults that the profile allows, at random moments and at the services' failpoints,
// until heal().
class Chaos {
 public:
  // Borrows everything but the function, which returns the processes that are alive.
  Chaos(World& world, const Profile& profile, Evidence& evidence, std::vector<Server*> servers,
        std::function<std::vector<Process*>()> processes)
      : world_(world),
        profile_(profile),
        evidence_(evidence),
        servers_(std::move(servers)),
        processes_(std::move(processes)) {}

  void begin();
  // What the services' failpoints call.
  absl::Status reached(std::string_view place);
  // Ends all faults except hangs and freezes, and returns when the last of those ends. The caller
  // heals the profile.
  SteadyTime heal();

 private:
  void schedule();
  void strike();
  void hold_still(const char* kind, const std::string& target, std::chrono::nanoseconds duration);
  void strike(Process& process);
  void strike(Server& server);
  // Notes a fault, and calls `end` when its time is over.
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
  SteadyTime last_hold_ends_{};
};

}  // namespace pollbus::faults
