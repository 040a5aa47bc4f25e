#pragma once

#include <chrono>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace pollbus::testing {

// A clock that advances only when a test says so, and by the length of each pause, which does not
// really wait. Its times are before any time of the system's clock, so that code that waits until
// one of them returns at once. Thread-safe.
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
  // The lengths of all pauses so far.
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
