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

// What a machine reports about its votes (docs/message-flow.md, "A machine's summary").
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

// A voting-machine that casts a load and writes a summary. It can be killed and launched again, and
// then continues with the votes in its journal. Not thread-safe.
class MachineProcess : public VotingService {
 public:
  MachineProcess(const std::filesystem::path& folder, const Environment& environment,
                 std::int64_t election, MachineLoad load);

  // Waits until the machine ends by itself and returns its summary. Throws if its exit code is not
  // 0.
  MachineSummary finish(std::chrono::milliseconds within = std::chrono::seconds(120));
  // The summary of the last process that ended by itself or was stopped.
  MachineSummary summary() const;

 private:
  std::int64_t machine_;
  std::filesystem::path summary_;
};

}  // namespace pollbus::testing
