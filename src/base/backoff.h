#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>

#include "absl/status/status.h"
#include "base/clock.h"

namespace pollbus {

struct BackoffPolicy {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{30'000};
  bool jittered = true;
};

// Pauses that double from `initial` to `max`. With jitter, each is between half and all of that, so
// that replicas that failed at the same time do not retry at the same time. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(BackoffPolicy policy = {});
  std::chrono::milliseconds next();
  void reset();

 private:
  BackoffPolicy policy_;
  std::chrono::milliseconds current_;
  std::optional<std::minstd_rand> random_;  // created for the first jitter, because seeding is slow
};

// Called after each failed attempt with the error and the pause before the next attempt.
using OnRetry = std::function<void(const absl::Status&, std::chrono::milliseconds)>;

// Calls `attempt` until it succeeds or `should_retry` rejects its error, with a pause after each
// failure. Returns OK or that error; CANCELLED if a stop was requested first. The number of
// attempts is not bounded; callers that need a bound put it into `should_retry`.
absl::Status retry(Clock& clock, std::stop_token stop, BackoffPolicy policy,
                   const std::function<bool(const absl::Status&)>& should_retry,
                   const OnRetry& on_retry, const std::function<absl::Status()>& attempt);

}  // namespace pollbus
