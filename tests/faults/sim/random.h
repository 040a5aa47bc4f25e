#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>

namespace pollbus::faults {

// SplitMix64 (https://prng.di.unimi.it/splitmix64.c): the same numbers for a seed on every machine
// and with every library, and cheap to create.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
  // From 0 to count-1.
  std::uint64_t below(std::uint64_t count) {
    assert(count > 0);
    return next() % count;
  }
  // Both bounds are included.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least + 1)));
  }
  std::chrono::microseconds between(std::chrono::microseconds least,
                                    std::chrono::microseconds most) {
    return std::chrono::microseconds(between(least.count(), most.count()));
  }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

}  // namespace pollbus::faults
