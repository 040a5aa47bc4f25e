#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <thread>

#include "voting_machine/tally.h"

namespace pollbus::voting_machine {

// Shows a tally as metrics: pollbus_votes_cast_total, pollbus_votes_total by
// outcome, pollbus_votes_pending, pollbus_votes_timed_out_total, pollbus_unknown_results_total.
// Not thread-safe.
class MachineMetrics {
 public:
  explicit MachineMetrics(prometheus::Registry& metrics);

  // Sets the metrics to this tally. Logs a warning when answers to votes that are not pending begin
  // to come.
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

// Shows the tally every half second, on a thread that ends with the returned object.
std::jthread keep_metrics(const TallyKeeper& tally, prometheus::Registry& metrics, Clock& clock);

}  // namespace pollbus::voting_machine
