#include "voting_machine/machine_metrics.h"

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus::voting_machine {
namespace {

prometheus::Counter& answers(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by what became of them",
                 {{"outcome", outcome}});
}

void raise(prometheus::Counter& counter, std::int64_t to) {
  counter.Increment(static_cast<double>(to) - counter.Value());
}

}  // namespace

MachineMetrics::MachineMetrics(prometheus::Registry& metrics)
    : cast_(counter(metrics, "pollbus_votes_cast_total", "Votes that this machine has cast")),
      successful_(answers(metrics, "successful")),
      already_voted_(answers(metrics, "already voted")),
      rejected_(answers(metrics, "rejected")),
      timed_out_(counter(metrics, "pollbus_votes_timed_out_total",
                         "Votes that were published again for want of an answer")),
      unknown_results_(counter(metrics, "pollbus_unknown_results_total",
                               "Answers to votes that are not waited for, or not any more")),
      pending_(gauge(metrics, "pollbus_votes_pending", "Votes without an answer")) {}

void MachineMetrics::show(const Tally& tally) {
  const auto unknown = tally.unknown_results - static_cast<std::int64_t>(unknown_results_.Value());
  if (unknown > 0 && !unknown_before_) {
    log_warning(
        "answers to votes that are not waited for: repeated ones, or those of another process with "
        "this machine's id",
        {{"answers", unknown}});
  }
  unknown_before_ = unknown > 0;
  raise(cast_, tally.sent);
  raise(successful_, tally.successful);
  raise(already_voted_, tally.already_voted);
  raise(rejected_, tally.rejected);
  raise(timed_out_, tally.timed_out);
  raise(unknown_results_, tally.unknown_results);
  pending_.Set(static_cast<double>(tally.pending));
}

}  // namespace pollbus::voting_machine
