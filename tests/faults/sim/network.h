#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "faults/sim/profile.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

// A bus, a Redis or a PostgreSQL that is up or not. What it keeps over a crash is its owner's.
struct Server {
  std::string name;
  bool is_up = true;
  std::function<void()> on_crash = [] {};
};

// How much of a request a server gets to see before its connection breaks.
enum class Extent { kAll, kPart };

// Requests of simulated processes to servers, and what can become of them: lost, applied and the
// answer lost, applied after the client has given up, applied in part, or done. A request outlives
// the process that made it.
class Network {
 public:
  // Borrows both.
  Network(World& world, const Profile& profile) : world_(world), profile_(profile) {}

  // For the running thread, which waits for the answer: what `apply` returns on the server, or an
  // error that is transient.
  absl::Status request(Server& server, std::function<absl::Status(Extent)> apply);
  // The same without waiting for the answer.
  void send(Server& server, std::function<void()> apply, double lost);

 private:
  struct Fate {
    std::chrono::microseconds there{0};
    std::chrono::microseconds back{0};
    bool is_applied = true;
    bool is_answered = true;
    Extent extent = Extent::kAll;
  };
  Fate draw_fate(const Process& process);
  absl::Status trouble(const Server& server);

  World& world_;
  const Profile& profile_;
};

}  // namespace pollbus::faults
