#include "faults/checker/recovery.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace pollbus::faults {
namespace {

constexpr std::int64_t kSecond_us = 1'000'000;
constexpr std::int64_t kStep_us = 100'000;
constexpr std::int64_t kEnoughToTell_us = 2 * kSecond_us;
constexpr double kFullRate = 0.9;

struct Pending {
  std::int64_t from_us = 0;
  std::optional<std::int64_t> to_us;
};

// The time of each vote from its first cast to the last answer that ended it.
std::vector<Pending> pending_times(const Evidence& evidence) {
  std::unordered_map<std::string, std::size_t> index;
  std::vector<Pending> times;
  for (const MachineEvent& event : evidence.events) {
    using enum MachineEvent::Kind;
    if (event.kind == kCast || event.kind == kRecovered) {
      const auto [found, is_new] = index.try_emplace(event.uuid, times.size());
      if (is_new) times.push_back({.from_us = event.t_us, .to_us = {}});
      times[found->second].to_us.reset();
    } else if (event.kind == kAnswered && event.ends) {
      if (const auto found = index.find(event.uuid); found != index.end())
        times[found->second].to_us = event.t_us;
    }
  }
  return times;
}

std::vector<std::int64_t> ended_us(const std::vector<Pending>& times) {
  std::vector<std::int64_t> ended;
  for (const Pending& time : times) {
    if (time.to_us) ended.push_back(*time.to_us);
  }
  std::ranges::sort(ended);
  return ended;
}

std::int64_t count_between(const std::vector<std::int64_t>& ended, std::int64_t from_us,
                           std::int64_t to_us) {
  return std::ranges::lower_bound(ended, to_us) - std::ranges::lower_bound(ended, from_us);
}

double baseline(const Evidence& evidence, const std::vector<std::int64_t>& ended) {
  if (evidence.faults.empty() || ended.empty()) return 0;
  const std::int64_t span_us = evidence.faults.front().t_us - ended.front();
  if (span_us < kEnoughToTell_us) return 0;
  const auto count = count_between(ended, ended.front(), evidence.faults.front().t_us);
  return static_cast<double>(count) * kSecond_us / static_cast<double>(span_us);
}

std::optional<std::int64_t> resolved_after_ms(const std::vector<Pending>& times,
                                              std::int64_t heal_us) {
  std::int64_t last_us = heal_us;
  for (const Pending& time : times) {
    if (time.from_us > heal_us) continue;
    if (!time.to_us) return std::nullopt;
    last_us = std::max(last_us, *time.to_us);
  }
  return (last_us - heal_us) / 1'000;
}

std::optional<std::int64_t> rate_after_ms(const std::vector<std::int64_t>& ended,
                                          std::int64_t heal_us, double rate) {
  if (rate <= 0) return std::nullopt;
  for (std::int64_t from = heal_us; !ended.empty() && from + kSecond_us <= ended.back();
       from += kStep_us) {
    if (static_cast<double>(count_between(ended, from, from + kSecond_us)) >= kFullRate * rate)
      return (from - heal_us) / 1'000;
  }
  return std::nullopt;
}

}  // namespace

Recoveries recoveries_of(const Evidence& evidence) {
  const std::vector<Pending> times = pending_times(evidence);
  const std::vector<std::int64_t> ended = ended_us(times);
  Recoveries recoveries{.baseline_votes_per_second = baseline(evidence, ended), .all = {}};
  for (const Fault& fault : evidence.faults) {
    if (!fault.healed_us) continue;
    recoveries.all.push_back({.fault = &fault,
                              .resolved_after_ms = resolved_after_ms(times, *fault.healed_us),
                              .rate_after_ms = rate_after_ms(
                                  ended, *fault.healed_us, recoveries.baseline_votes_per_second)});
  }
  std::ranges::stable_sort(recoveries.all, {},
                           [](const Recovery& recovery) { return *recovery.fault->healed_us; });
  return recoveries;
}

}  // namespace pollbus::faults
