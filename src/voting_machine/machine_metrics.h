#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "voting_machine/machine.h"

namespace pollbus::voting_machine {

// Carries a machine's tally into the metrics: pollbus_votes_cast_total, pollbus_votes_total by
// outcome, pollbus_votes_pending, pollbus_votes_timed_out_total, pollbus_unknown_results_total.
// Not thread-safe.
class MachineMetrics {
 public:
  explicit MachineMetrics(prometheus::Registry& metrics);

  // The tally as it is now. Says once in the log when answers begin to come that nobody waits for.
  void show(const Tally& tally);

 private:
  prometheus::Counter& cast_;
  prometheus::Counter& successful_;
  prometheus::Counter& already_voted_;
  prometheus::Counter& rejected_;
  prometheus::Counter& timed_out_;
  prometheus::Counter& unknown_results_;
  prometheus::Gauge& pending_;
  bool unknown_before_ = false;
};

}  // namespace pollbus::voting_machine
