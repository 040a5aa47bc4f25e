#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/readiness.h"

namespace pollbus {

// A server that a process needs for its work: Redis, PostgreSQL or the bus. Operations that fail
// are retried with backoff, and the trouble is visible: in the log (what failed, where, when the
// next attempt is), in /readyz, and in pollbus_dependency_up, pollbus_dependency_failures_total and
// pollbus_dependency_slow_total. The dependency is ready when an operation has succeeded and no
// operation is failing: success of one operation does not hide the failure of another. Thread-safe.
class Dependency {
 public:
  // An operation that takes longer is logged and counted.
  static constexpr std::chrono::milliseconds kSlow{1'000};

  // `name` for log and metrics ("redis"); `where` for people ("10.0.0.3:6379").
  Dependency(std::string name, std::string where, Clock& clock, Readiness& readiness,
             prometheus::Registry& metrics,
             BackoffPolicy policy = {.initial = std::chrono::milliseconds(100),
                                     .max = std::chrono::milliseconds(2'000)});

  // Calls `attempt` until it succeeds, whatever the error. Returns false if a stop was requested
  // first.
  bool hold_until_ok(std::stop_token stop, const std::function<absl::Status()>& attempt);

  // One item of a batch that the server refuses.
  struct Refusal {
    std::size_t position = 0;
    absl::Status error;
  };
  // The same for a batch of `count` items of which the server may refuse some (is_refused):
  // `attempt(first, n)` must process the n items from position `first`. A batch that is refused is
  // halved until the refused items stand alone, so that they do not hold up the others. Returns the
  // refused items in order; CANCELLED if a stop was requested first (any of the items may have been
  // processed then).
  absl::StatusOr<std::vector<Refusal>> hold_batch(
      std::stop_token stop, std::size_t count,
      const std::function<absl::Status(std::size_t first, std::size_t n)>& attempt);

  // Calls `attempt` until it succeeds or fails with an error that `should_retry` rejects, which is
  // returned; CANCELLED if a stop was requested first.
  absl::Status hold_while(std::stop_token stop,
                          const std::function<bool(const absl::Status&)>& should_retry,
                          const std::function<absl::Status()>& attempt);

  // For the start of a process: retries transient errors every `pause`, for `patience` at most.
  // Returns OK or the last error; CANCELLED if a stop was requested first.
  absl::Status wait_at_start(std::stop_token stop, std::chrono::milliseconds pause,
                             std::chrono::milliseconds patience,
                             const std::function<absl::Status()>& attempt);

  // Reports the result of an operation that is not one of the above ("stream").
  void report(const std::string& operation, const absl::Status& status);

  // Calls `check` every `interval` and reports its result, so that an idle process notices trouble,
  // too. Runs on a thread that ends with the returned object.
  std::jthread watch(std::chrono::milliseconds interval, std::function<absl::Status()> check);

 private:
  absl::Status timed(const std::function<absl::Status()>& attempt);
  std::string new_operation();
  void failing(const std::string& operation, const absl::Status& status);
  void working(const std::string& operation);
  void given_up(const std::string& operation);
  void log_retry(const absl::Status& status, std::chrono::milliseconds next_try) const;
  void show();

  const std::string name_;
  const std::string where_;
  Clock& clock_;
  Readiness& readiness_;
  const BackoffPolicy policy_;
  prometheus::Gauge& up_;
  prometheus::Counter& failures_;
  prometheus::Counter& slow_;

  // Held while Readiness takes its own lock, so that both agree; never the other way round.
  std::mutex mutex_;
  bool has_worked_ = false;
  std::map<std::string, std::string> failing_;  // operations, and why
  std::uint64_t operations_ = 0;
};

}  // namespace pollbus
