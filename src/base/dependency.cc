#include "base/dependency.h"

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {

Dependency::Dependency(std::string name, std::string where, Clock& clock, Readiness& readiness,
                       prometheus::Registry& metrics, BackoffPolicy policy)
    : name_(std::move(name)),
      where_(std::move(where)),
      clock_(clock),
      readiness_(readiness),
      policy_(policy),
      up_(gauge(metrics, "pollbus_dependency_up", "1 while what this process depends on answers",
                {{"dependency", name_}})),
      failures_(counter(metrics, "pollbus_dependency_failures_total",
                        "Failed tries to use what this process depends on",
                        {{"dependency", name_}})),
      slow_(counter(metrics, "pollbus_dependency_slow_total",
                    "Uses of what this process depends on that took more than a second",
                    {{"dependency", name_}})) {
  readiness_.expect(name_);
}

bool Dependency::hold_until_ok(std::stop_token stop, const std::function<absl::Status()>& attempt) {
  return hold_while(
             stop, [](const absl::Status&) { return true; }, attempt)
      .ok();
}

absl::Status Dependency::hold_while(std::stop_token stop,
                                    const std::function<bool(const absl::Status&)>& passes,
                                    const std::function<absl::Status()>& attempt) {
  const auto on_retry = [this](const absl::Status& error, std::chrono::milliseconds pause) {
    failed(error, pause);
  };
  const absl::Status status =
      retry(clock_, stop, policy_, passes, on_retry, [&] { return timed(attempt); });
  if (status.ok()) up();
  return status;
}

absl::Status Dependency::wait_at_start(std::stop_token stop, std::chrono::milliseconds pause,
                                       std::chrono::milliseconds patience,
                                       const std::function<absl::Status()>& attempt) {
  const SteadyTime give_up = clock_.now() + patience;
  const auto goes_on = [&](const absl::Status& error) {
    return is_transient(error) && clock_.now() + pause <= give_up;
  };
  const auto on_retry = [this](const absl::Status& error, std::chrono::milliseconds next) {
    failed(error, next);
  };
  const absl::Status status =
      retry(clock_, stop, {.initial = pause, .max = pause, .jittered = false}, goes_on, on_retry,
            attempt);
  if (status.ok()) up();
  return status;
}

void Dependency::report(const absl::Status& status) {
  if (status.ok()) return up();
  up_.Set(0);
  failures_.Increment();
  readiness_.not_ready(name_, status.ToString());
}

std::jthread Dependency::watch(std::chrono::milliseconds interval,
                               std::function<absl::Status()> check) {
  return std::jthread([this, interval, check = std::move(check)](std::stop_token stop) {
    while (clock_.pause(interval, stop)) report(check());
  });
}

absl::Status Dependency::timed(const std::function<absl::Status()>& attempt) {
  const SteadyTime begin = clock_.now();
  absl::Status status = attempt();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begin);
  if (took > kSlow) {
    slow_.Increment();
    log_warning("slow", {{"dependency", name_},
                         {"where", where_},
                         {"took_ms", static_cast<std::int64_t>(took.count())}});
  }
  return status;
}

void Dependency::failed(const absl::Status& status, std::chrono::milliseconds next_try) {
  up_.Set(0);
  failures_.Increment();
  readiness_.not_ready(name_, status.ToString());
  log_warning("unavailable", {{"dependency", name_},
                              {"where", where_},
                              {"error", status},
                              {"next_try_ms", static_cast<std::int64_t>(next_try.count())}});
}

void Dependency::up() {
  up_.Set(1);
  readiness_.ready(name_);
}

}  // namespace pollbus
