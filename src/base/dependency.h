#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/readiness.h"

namespace pollbus {

// Something a process cannot do its work without: Redis, PostgreSQL, the bus. Trouble with it is
// never the end and never an answer: it is held out until it passes, and everybody can see it, in
// the log (what, why, when the next try is), in /readyz, and in the metrics
// pollbus_dependency_up and pollbus_dependency_failures_total; what takes longer than kSlow, in log
// and pollbus_dependency_slow_total. Thread-safe.
class Dependency {
 public:
  static constexpr std::chrono::milliseconds kSlow{1'000};

  // `name` as it stands in log and metrics ("redis"); `where` for people ("10.0.0.3:6379").
  Dependency(std::string name, std::string where, Clock& clock, Readiness& readiness,
             prometheus::Registry& metrics,
             BackoffPolicy policy = {.initial = std::chrono::milliseconds(100),
                                     .max = std::chrono::milliseconds(2'000)});

  // Calls `attempt` until it returns OK. Returns false when a stop was requested first.
  bool hold_until_ok(std::stop_token stop, const std::function<absl::Status()>& attempt);

  // The same, but ends at once on what `passes` says will not pass, and returns it. CANCELLED when
  // a stop was requested first.
  absl::Status hold_while(std::stop_token stop,
                          const std::function<bool(const absl::Status&)>& passes,
                          const std::function<absl::Status()>& attempt);

  // The same for the start: gives up after `patience`, and at once on what is not transient.
  // `pause` between tries. Returns the last error.
  absl::Status wait_at_start(std::stop_token stop, std::chrono::milliseconds pause,
                             std::chrono::milliseconds patience,
                             const std::function<absl::Status()>& attempt);

  // What one look at it has shown.
  void report(const absl::Status& status);

  // Reports what `check` says every `interval`, on a thread that ends with the returned object: an
  // idle process notices too.
  std::jthread watch(std::chrono::milliseconds interval, std::function<absl::Status()> check);

 private:
  absl::Status timed(const std::function<absl::Status()>& attempt);
  void failed(const absl::Status& status, std::chrono::milliseconds next_try);
  void up();

  const std::string name_;
  const std::string where_;
  Clock& clock_;
  Readiness& readiness_;
  const BackoffPolicy policy_;
  prometheus::Gauge& up_;
  prometheus::Counter& failures_;
  prometheus::Counter& slow_;
};

}  // namespace pollbus
