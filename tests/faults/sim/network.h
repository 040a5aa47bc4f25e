#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "faults/sim/profile.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

// A simulated bus, Redis or PostgreSQL. Its owner defines what a crash takes from it.
struct Server {
  std::string name;
  bool is_up = true;
  std::function<void()> on_crash = [] {};
};

// How much of a request reaches the server before the connection breaks.
enum class Extent { kAll, kPart };

// Carries requests of simulated processes to servers. A request can be lost, applied with the
// answer lost, applied after the client has given up, applied in part, or succeed. It outlives the
// process that made it.
class Network {
 public:
  // Borrows both.
  Network(World& world, const Profile& profile) : world_(world), profile_(profile) {}

  // Makes a request for the running thread and waits for the answer: what `apply` returns on the
  // server, or a transient error.
  absl::Status request(Server& server, std::function<absl::Status(Extent)> apply);
  // The same without waiting for an answer.
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
