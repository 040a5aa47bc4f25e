#include "stores/election_counts.h"

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus {

ElectionCountsWatch::ElectionCountsWatch(std::string what, std::string advice,
                                         prometheus::Registry& metrics)
    : what_(std::move(what)),
      advice_(std::move(advice)),
      metrics_(metrics),
      missing_(gauge(metrics, "pollbus_" + what_ + "_missing",
                     "How many " + what_ + " were counted but are no longer there")),
      lost_(counter(metrics, "pollbus_" + what_ + "_lost_total",
                    "By how much the number of " + what_ + " fell while this process watched")) {}

void ElectionCountsWatch::see(const ElectionCounts& counts) {
  if (!has_seen_any_) log_start(counts);
  has_seen_any_ = true;
  // An election that is no longer counted has fallen to zero.
  for (const auto& [election, known] : elections_) {
    if (!counts.by_election.contains(election)) see(election, 0);
  }
  for (const auto& [election, count] : counts.by_election) see(election, count);
  missing_.Set(static_cast<double>(counts.missing));
  if (counts.missing > last_missing_) {
    log_error(what_ + " are missing", {{"missing", counts.missing}, {"advice", advice_}});
  }
  last_missing_ = counts.missing;
}

void ElectionCountsWatch::log_start(const ElectionCounts& counts) const {
  std::int64_t sum = 0;
  for (const auto& [election, count] : counts.by_election) sum += count;
  log_info(what_ + " at the start", {{"elections", counts.by_election.size()}, {what_, sum}});
}

void ElectionCountsWatch::see(std::int64_t election, std::int64_t count) {
  auto found = elections_.find(election);
  if (found == elections_.end()) {
    if (elections_.size() == kMaxElections) {
      if (!has_warned_of_too_many_) {
        log_warning("more elections than metrics", {{"counting", what_}, {"limit", kMaxElections}});
      }
      has_warned_of_too_many_ = true;
      return;
    }
    auto& own = gauge(metrics_, "pollbus_" + what_, "Number of " + what_ + " by election",
                      {{"election", std::to_string(election)}});
    found = elections_.emplace(election, Election{.count = count, .gauge = &own}).first;
  }
  Election& known = found->second;
  if (count < known.count) {
    lost_.Increment(static_cast<double>(known.count - count));
    log_error(
        what_ + " were lost",
        {{"election", election}, {"before", known.count}, {"now", count}, {"advice", advice_}});
  }
  known.count = count;
  known.gauge->Set(static_cast<double>(count));
}

}  // namespace pollbus
