#include "base/backoff.h"

#include <algorithm>

namespace pollbus {

Backoff::Backoff(BackoffPolicy policy) : policy_(policy), current_(policy.initial) {}

std::chrono::milliseconds Backoff::next() {
  const auto whole = std::min(current_, policy_.max);
  current_ = std::min(whole * 2, policy_.max);
  if (!policy_.jittered) return whole;
  if (!random_) random_.emplace(std::random_device{}());
  std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(whole.count() / 2,
                                                                       whole.count());
  return std::chrono::milliseconds(jitter(*random_));
}

void Backoff::reset() { current_ = policy_.initial; }

absl::Status retry(Clock& clock, std::stop_token stop, BackoffPolicy policy,
                   const std::function<bool(const absl::Status&)>& should_retry,
                   const OnRetry& on_retry, const std::function<absl::Status()>& attempt) {
  Backoff backoff(policy);
  while (true) {
    if (stop.stop_requested()) return absl::CancelledError("stop requested");
    absl::Status status = attempt();
    if (status.ok() || !should_retry(status)) return status;
    if (stop.stop_requested() && absl::IsCancelled(status)) return status;
    const auto pause = backoff.next();
    on_retry(status, pause);
    if (!clock.pause(pause, stop)) return absl::CancelledError("stop requested");
  }
}

}  // namespace pollbus
