#pragma once

#include <map>
#include <optional>

#include "absl/status/statusor.h"
#include "election/election_state.h"
#include "stores/election_register.h"

namespace pollbus::voting_logger {

// An election at one moment; without a state if it is not defined.
struct CurrentElection {
  std::optional<ElectionState> state;
  std::int64_t now_ms = 0;  // by the register's clock
  std::int64_t marks = 0;
};

// The states to which the events in the register lead. Keeps them in memory, so that only new
// events are read. Borrows the register, and returns its errors; FAILED_PRECONDITION also for a
// history that does not fit together. Not thread-safe.
class ElectionStates {
 public:
  explicit ElectionStates(ElectionRegister& elections) : elections_(elections) {}

  absl::StatusOr<CurrentElection> read(std::int64_t election);

 private:
  absl::StatusOr<CurrentElection> continue_from(std::int64_t election,
                                                std::optional<ElectionState> state);

  ElectionRegister& elections_;
  std::map<std::int64_t, ElectionState> states_;
};

}  // namespace pollbus::voting_logger
