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

// Pauses that double from `initial` to `max`, each jittered to between half and the whole of it, so
// that replicas that failed together do not come back together. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(BackoffPolicy policy = {});
  std::chrono::milliseconds next();
  void reset();

 private:
  BackoffPolicy policy_;
  std::chrono::milliseconds current_;
  std::optional<std::minstd_rand> random_;  // the first jitter makes it: a seed is slow to get
};

// Called after each failed try with the error and the pause before the next one.
using OnRetry = std::function<void(const absl::Status&, std::chrono::milliseconds)>;

// Calls `attempt` until it succeeds, with a pause of `policy` after each failure that
// `should_retry`. Returns OK, the first failure that should not be retried, or CANCELLED when a
// stop was requested first. It has no other bound: who needs one says so in `should_retry`.
absl::Status retry(Clock& clock, std::stop_token stop, BackoffPolicy policy,
                   const std::function<bool(const absl::Status&)>& should_retry,
                   const OnRetry& on_retry, const std::function<absl::Status()>& attempt);

}  // namespace pollbus
