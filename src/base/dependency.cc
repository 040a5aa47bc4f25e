#include "base/dependency.h"

#include <fmt/format.h>

#include <utility>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {
namespace {

constexpr char kWatchOperation[] = "watch";

}  // namespace

Dependency::Dependency(std::string name, std::string where, Clock& clock, Readiness& readiness,
                       prometheus::Registry& metrics, BackoffPolicy policy)
    : name_(std::move(name)),
      where_(std::move(where)),
      clock_(clock),
      readiness_(readiness),
      policy_(policy),
      up_(gauge(metrics, "pollbus_dependency_up",
                "1 while operations on a server that this process needs succeed",
                {{"dependency", name_}})),
      failures_(counter(metrics, "pollbus_dependency_failures_total",
                        "Failed operations on a server that this process needs",
                        {{"dependency", name_}})),
      slow_(counter(metrics, "pollbus_dependency_slow_total",
                    "Operations on a server that this process needs that took over a second",
                    {{"dependency", name_}})) {
  readiness_.expect(name_);
}

bool Dependency::hold_until_ok(std::stop_token stop, const std::function<absl::Status()>& attempt) {
  return hold_while(
             stop, [](const absl::Status&) { return true; }, attempt)
      .ok();
}

absl::StatusOr<std::vector<Dependency::Refusal>> Dependency::hold_batch(
    std::stop_token stop, std::size_t count,
    const std::function<absl::Status(std::size_t, std::size_t)>& attempt) {
  std::vector<Refusal> refused;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;  // first and count; the last is next
  if (count > 0) ranges.emplace_back(0, count);
  while (!ranges.empty()) {
    const auto [first, n] = ranges.back();
    ranges.pop_back();
    absl::Status refusal;
    const bool answered = hold_until_ok(stop, [&, first = first, n = n] {
      const absl::Status status = attempt(first, n);
      refusal = is_refused(status) ? status : absl::OkStatus();
      return refusal.ok() ? status : absl::OkStatus();
    });
    if (!answered) return absl::CancelledError("stop requested");
    if (refusal.ok()) continue;
    if (n == 1) {
      refused.push_back({.position = first, .error = refusal});
      continue;
    }
    ranges.emplace_back(first + n / 2, n - n / 2);
    ranges.emplace_back(first, n / 2);
  }
  return refused;
}

absl::Status Dependency::hold_while(std::stop_token stop,
                                    const std::function<bool(const absl::Status&)>& should_retry,
                                    const std::function<absl::Status()>& attempt) {
  std::string operation;  // named when it fails for the first time
  const auto on_retry = [&](const absl::Status& error, std::chrono::milliseconds pause) {
    if (operation.empty()) operation = new_operation();
    failing(operation, error);
    log_retry(error, pause);
  };
  absl::Status status =
      retry(clock_, stop, policy_, should_retry, on_retry, [&] { return timed(attempt); });
  if (status.ok()) {
    working(operation);
  } else if (!absl::IsCancelled(status)) {
    given_up(operation);
  }
  return status;
}

absl::Status Dependency::wait_at_start(std::stop_token stop, std::chrono::milliseconds pause,
                                       std::chrono::milliseconds patience,
                                       const std::function<absl::Status()>& attempt) {
  const SteadyTime give_up = clock_.now() + patience;
  const std::string operation = new_operation();
  const auto should_retry = [&](const absl::Status& error) {
    return is_transient(error) && clock_.now() + pause <= give_up;
  };
  const auto on_retry = [&](const absl::Status& error, std::chrono::milliseconds next) {
    failing(operation, error);
    log_retry(error, next);
  };
  absl::Status status = retry(clock_, stop, {.initial = pause, .max = pause, .jittered = false},
                              should_retry, on_retry, attempt);
  if (status.ok()) working(operation);
  return status;
}

void Dependency::report(const std::string& operation, const absl::Status& status) {
  if (status.ok()) return working(operation);
  failing(operation, status);
}

std::jthread Dependency::watch(std::chrono::milliseconds interval,
                               std::function<absl::Status()> check) {
  return std::jthread([this, interval, check = std::move(check)](std::stop_token stop) {
    while (clock_.pause(interval, stop)) report(kWatchOperation, check());
  });
}

absl::Status Dependency::timed(const std::function<absl::Status()>& attempt) {
  const SteadyTime begin = clock_.now();
  absl::Status status = attempt();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begin);
  if (took > kSlow) {
    slow_.Increment();
    log_warning("slow", {{"dependency", name_}, {"where", where_}, {"took_ms", took.count()}});
  }
  return status;
}

std::string Dependency::new_operation() {
  const std::lock_guard lock(mutex_);
  return fmt::format("operation {}", ++operations_);
}

void Dependency::failing(const std::string& operation, const absl::Status& status) {
  failures_.Increment();
  const std::lock_guard lock(mutex_);
  failing_[operation] = status.ToString();
  show();
}

void Dependency::working(const std::string& operation) {
  const std::lock_guard lock(mutex_);
  has_worked_ = true;
  failing_.erase(operation);
  show();
}

void Dependency::given_up(const std::string& operation) {
  const std::lock_guard lock(mutex_);
  failing_.erase(operation);
  show();
}

void Dependency::log_retry(const absl::Status& status, std::chrono::milliseconds next_try) const {
  log_warning("unavailable", {{"dependency", name_},
                              {"where", where_},
                              {"error", status},
                              {"next_try_ms", next_try.count()}});
}

void Dependency::show() {
  const bool is_up = has_worked_ && failing_.empty();
  up_.Set(is_up ? 1 : 0);
  if (is_up) {
    readiness_.ready(name_);
  } else if (!failing_.empty()) {
    readiness_.not_ready(name_, failing_.begin()->second);
  }
}

}  // namespace pollbus
