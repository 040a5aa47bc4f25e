#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/metrics.h"
#include "election_board/snapshot.h"

namespace pollbus::election_board {

// Logs once, as an error, that the history of an election cannot be verified, and counts such
// elections in the metric pollbus_unverified_elections. Not thread-safe.
class ProblemLog {
 public:
  // `metrics` must outlive this object.
  explicit ProblemLog(prometheus::Registry& metrics);

  void update(const Snapshot& snapshot);

 private:
  prometheus::Gauge& unverified_;
  std::map<std::int64_t, std::string> logged_;
};

}  // namespace pollbus::election_board
