#include "voting_machine/machine_metrics.h"

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::chrono::milliseconds kMetricsInterval{500};

void raise(prometheus::Counter& counter, std::int64_t to) {
  counter.Increment(static_cast<double>(to) - counter.Value());
}

}  // namespace

MachineMetrics::MachineMetrics(prometheus::Registry& metrics)
    : cast_(counter(metrics, "pollbus_votes_cast_total", "Votes that this process has cast")),
      successful_(votes_counter(metrics, "successful")),
      already_voted_(votes_counter(metrics, "already voted")),
      rejected_(votes_counter(metrics, "rejected")),
      timed_out_(counter(metrics, "pollbus_votes_timed_out_total",
                         "Votes that had no answer within ten seconds")),
      unknown_results_(counter(metrics, "pollbus_unknown_results_total",
                               "Answers to votes that were not pending")),
      pending_(gauge(metrics, "pollbus_votes_pending", "Votes without an answer")) {}

void MachineMetrics::show(const Tally& tally) {
  const auto unknown = tally.unknown_results - static_cast<std::int64_t>(unknown_results_.Value());
  if (unknown > 0 && !unknown_before_) {
    log_warning(
        "answers came to votes that are not pending: repeated answers, or votes of another process "
        "with the same machine ID",
        {{"answers", unknown}});
  }
  unknown_before_ = unknown > 0;
  raise(cast_, tally.sent);
  raise(successful_, tally.successful);
  raise(already_voted_, tally.already_voted);
  raise(rejected_, tally.rejected);
  raise(timed_out_, tally.timed_out);
  raise(unknown_results_, tally.unknown_results);
  pending_.Set(static_cast<double>(tally.pending()));
}

std::jthread keep_metrics(const TallyKeeper& tally, prometheus::Registry& metrics, Clock& clock) {
  return std::jthread(
      [&tally, &clock, shown = MachineMetrics(metrics)](std::stop_token stop) mutable {
        while (clock.pause(kMetricsInterval, stop)) shown.show(tally.tally());
      });
}

}  // namespace pollbus::voting_machine
