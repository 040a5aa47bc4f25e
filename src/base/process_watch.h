#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <thread>

#include "base/clock.h"

namespace pollbus {

// What both clocks show at one moment.
struct ClockReading {
  SteadyTime steady;
  WallTime wall;
};

// What two readings before and after a pause show: how much longer than requested the pause lasted
// (the process was stalled: stopped, or without a processor), and how far the wall clock was set
// forward or back meanwhile. Differences below kMinimum count as none.
struct Disturbance {
  static constexpr std::chrono::milliseconds kMinimum{1'500};

  std::chrono::milliseconds stalled{0};
  std::chrono::milliseconds clock_moved{0};
};
Disturbance disturbance_between(const ClockReading& before, const ClockReading& after,
                                std::chrono::milliseconds asked_pause);

// Reports in log and metrics when this process was stalled, when the wall clock jumped, and when
// the process started: process_start_time_seconds, pollbus_process_stalls_total,
// pollbus_process_stalled_seconds_total, pollbus_clock_jumps_total.
class ProcessWatch {
 public:
  static constexpr std::chrono::milliseconds kInterval{500};

  // Borrows both.
  ProcessWatch(Clock& clock, prometheus::Registry& metrics);

  // Compares the clocks with the last reading, kInterval ago.
  void look();
  // Calls look() every kInterval, on a thread that ends with the returned object.
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
