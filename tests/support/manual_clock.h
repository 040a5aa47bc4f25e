#pragma once

#include <chrono>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace pollbus::testing {

// A clock that stands still until a test moves it on. A pause does not wait: it moves the time on
// by itself. Its times lie before any that the machine's own clock shows, so that code that waits
// until one of them never really waits. Thread-safe.
class ManualClock final : public Clock {
 public:
  SteadyTime now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  WallTime wall_now() const override {
    const std::lock_guard lock(mutex_);
    return WallTime(std::chrono::milliseconds(1'709'908'090'964)) + (now_ - kStart);
  }
  bool pause(std::chrono::nanoseconds duration, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    const std::lock_guard lock(mutex_);
    pauses_.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
    now_ += duration;
    return true;
  }

  void advance(std::chrono::nanoseconds duration) {
    const std::lock_guard lock(mutex_);
    now_ += duration;
  }
  // All pauses so far.
  std::vector<std::chrono::milliseconds> pauses() const {
    const std::lock_guard lock(mutex_);
    return pauses_;
  }

 private:
  static constexpr SteadyTime kStart = SteadyTime() - std::chrono::hours(24 * 365);

  mutable std::mutex mutex_;
  SteadyTime now_ = kStart;
  std::vector<std::chrono::milliseconds> pauses_;
};

}  // namespace pollbus::testing
