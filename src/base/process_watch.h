#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <thread>

#include "base/clock.h"

namespace pollbus {

// The two clocks of a moment.
struct ClockReading {
  SteadyTime steady;
  WallTime wall;
};

// What a pause between two readings shows of trouble that a process cannot feel: how much longer
// than asked for it lasted (the process was stopped, or had no processor), and how far the wall
// clock was moved meanwhile. Nothing below kMinimum.
struct Disturbance {
  static constexpr std::chrono::milliseconds kMinimum{1'500};

  std::chrono::milliseconds stood_still{0};
  std::chrono::milliseconds clock_moved{0};
};
Disturbance disturbance_between(const ClockReading& before, const ClockReading& after,
                                std::chrono::milliseconds asked_pause);

// Shows in log and metrics when this process stood still and when its wall clock jumped, and, for
// whoever wonders whether it was started anew, when it was started: process_start_time_seconds,
// pollbus_process_stalls_total, pollbus_process_stalled_seconds_total, pollbus_clock_jumps_total.
class ProcessWatch {
 public:
  static constexpr std::chrono::milliseconds kInterval{500};

  // Borrows both.
  ProcessWatch(Clock& clock, prometheus::Registry& metrics);

  // One look after a pause of kInterval.
  void look();
  // Looks every kInterval, on a thread that ends with the returned object.
  std::jthread start();

 private:
  ClockReading read() const { return {clock_.now(), clock_.wall_now()}; }

  Clock& clock_;
  ClockReading last_;
  prometheus::Counter& stalls_;
  prometheus::Counter& stalled_seconds_;
  prometheus::Counter& clock_jumps_;
};

}  // namespace pollbus
