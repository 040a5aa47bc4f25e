#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

namespace pollbus {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Milliseconds since 1970, as messages and files have them.
inline std::int64_t unix_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// A source of time, passed to everything that depends on time, so that tests and simulations can
// control it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual SteadyTime now() const = 0;
  virtual WallTime wall_now() const = 0;

  // Waits for `duration`, or until a stop is requested. Returns false if a stop was requested.
  virtual bool pause(std::chrono::nanoseconds duration, std::stop_token stop) = 0;
};

// The clock of this computer; lives as long as the process.
Clock& system_clock();

}  // namespace pollbus
