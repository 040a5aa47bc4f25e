#pragma once

#include <chrono>
#include <stop_token>

namespace pollbus {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Time, passed in wherever it matters so that tests and simulations can drive it.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual SteadyTime now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Waits for `duration`, or until a stop is requested. Returns false when it was.
  virtual bool pause(std::chrono::nanoseconds duration, std::stop_token stop) = 0;
};

// The clock of the machine. Owned by nobody; lives as long as the process.
Clock& system_clock();

}  // namespace pollbus
