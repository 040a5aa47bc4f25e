#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "support/voting_service.h"

namespace pollbus::testing {

struct MachineLoad {
  std::int64_t machine = 1;
  std::int64_t votes = 1'000;
  std::int64_t voters = 1'000;
  std::int64_t rate = 0;  // votes a second; 0: as fast as answers allow
  std::int64_t in_flight = 200;
  std::int64_t seed = 1;
};

// What a machine says has become of its votes (docs/message-flow.md, "A machine's summary").
struct MachineSummary {
  std::int64_t machine = 0;
  std::int64_t sent = 0;
  std::int64_t recovered = 0;
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t rejected = 0;
  std::int64_t pending = 0;
  std::int64_t timed_out = 0;
  std::int64_t unknown_results = 0;
};

// A voting-machine with --summary, casting a load. Can be killed and launched again: it goes on
// from its journal. Not thread-safe.
class MachineProcess : public VotingService {
 public:
  MachineProcess(const std::filesystem::path& folder, Environment environment,
                 std::int64_t election, MachineLoad load);

  // Waits until it ends by itself, which it must with exit code 0; returns its summary.
  MachineSummary finish(std::chrono::milliseconds within = std::chrono::seconds(120));
  // What the last life that ended by itself, or was stopped, has said.
  MachineSummary summary() const;

 private:
  std::int64_t machine_;
  std::filesystem::path summary_;
};

}  // namespace pollbus::testing
