#include "base/backoff.h"

#include <algorithm>

#include "base/status.h"

namespace pollbus {

Backoff::Backoff(BackoffPolicy policy)
    : policy_(policy), current_(policy.initial), random_(std::random_device{}()) {}

std::chrono::milliseconds Backoff::next() {
  const auto whole = std::min(current_, policy_.max);
  current_ = std::min(whole * 2, policy_.max);
  std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(whole.count() / 2,
                                                                       whole.count());
  return std::chrono::milliseconds(jitter(random_));
}

void Backoff::reset() { current_ = policy_.initial; }

absl::Status retry_until_stopped(Clock& clock, std::stop_token stop, BackoffPolicy policy,
                                 const OnRetry& on_retry,
                                 const std::function<absl::Status()>& attempt) {
  Backoff backoff(policy);
  while (true) {
    if (stop.stop_requested()) return absl::CancelledError("stop requested");
    absl::Status status = attempt();
    if (status.ok() || !is_transient(status)) return status;
    const auto pause = backoff.next();
    on_retry(status, pause);
    if (!clock.pause(pause, stop)) return absl::CancelledError("stop requested");
  }
}

}  // namespace pollbus
