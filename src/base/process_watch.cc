#include "base/process_watch.h"

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;

milliseconds in_ms(std::chrono::nanoseconds duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}

milliseconds unless_small(milliseconds duration) {
  return std::chrono::abs(duration) < Disturbance::kMinimum ? milliseconds(0) : duration;
}

}  // namespace

Disturbance disturbance_between(const ClockReading& before, const ClockReading& after,
                                milliseconds asked_pause) {
  const auto passed = after.steady - before.steady;
  return {.stalled = unless_small(in_ms(passed) - asked_pause),
          .clock_moved = unless_small(in_ms(after.wall - before.wall - passed))};
}

ProcessWatch::ProcessWatch(Clock& clock, prometheus::Registry& metrics)
    : clock_(clock),
      last_(read()),
      stalls_(counter(metrics, "pollbus_process_stalls_total",
                      "Times that this process was stalled: stopped, or without a processor")),
      stalled_seconds_(counter(metrics, "pollbus_process_stalled_seconds_total",
                               "Total time that this process was stalled")),
      clock_jumps_(
          counter(metrics, "pollbus_clock_jumps_total", "Times that the wall clock jumped")) {
  gauge(metrics, "process_start_time_seconds", "When this process started")
      .Set(std::chrono::duration<double>(last_.wall.time_since_epoch()).count());
}

void ProcessWatch::look() {
  const ClockReading now = read();
  const Disturbance found = disturbance_between(last_, now, kInterval);
  last_ = now;
  if (found.stalled.count() > 0) {
    stalls_.Increment();
    stalled_seconds_.Increment(std::chrono::duration<double>(found.stalled).count());
    log_warning("process was stalled",
                {{"for_ms", static_cast<std::int64_t>(found.stalled.count())}});
  }
  if (found.clock_moved.count() != 0) {
    clock_jumps_.Increment();
    log_warning("the wall clock jumped",
                {{"by_ms", static_cast<std::int64_t>(found.clock_moved.count())}});
  }
}

std::jthread ProcessWatch::start() {
  return std::jthread([this](std::stop_token stop) {
    while (clock_.pause(kInterval, stop)) look();
  });
}

}  // namespace pollbus
