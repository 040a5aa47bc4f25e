#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <string>

namespace pollbus {

// How many marks or votes a store holds.
struct ElectionCounts {
  std::map<std::int64_t, std::int64_t> by_election;
  // How many of them the store has counted but no longer holds.
  std::int64_t missing = 0;
};

// Publishes the counts of one store as metrics, and logs an error when any are lost. Marks and
// votes are never deleted during an election, so a count that falls means that the store was
// emptied or restored from an older state. Not thread-safe.
class ElectionCountsWatch {
 public:
  // At most this many elections have a metric of their own, because anyone who can publish to the
  // topic can name a new election.
  static constexpr std::size_t kMaxElections = 100;

  // `what` is "marks" or "votes"; `advice` says in the log what to do about a loss. The metrics are
  // pollbus_<what>{election="…"}, pollbus_<what>_missing and pollbus_<what>_lost_total.
  ElectionCountsWatch(std::string what, std::string advice, prometheus::Registry& metrics);

  // Call regularly with the current counts. The first call logs their sum.
  void see(const ElectionCounts& counts);

 private:
  struct Election {
    std::int64_t count = 0;
    prometheus::Gauge* gauge = nullptr;
  };

  void log_start(const ElectionCounts& counts) const;
  void see(std::int64_t election, std::int64_t count);

  const std::string what_;
  const std::string advice_;
  prometheus::Registry& metrics_;
  prometheus::Gauge& missing_;
  prometheus::Counter& lost_;
  std::map<std::int64_t, Election> elections_;
  std::int64_t last_missing_ = 0;
  bool has_seen_any_ = false;
  bool has_warned_of_too_many_ = false;
};

}  // namespace pollbus
