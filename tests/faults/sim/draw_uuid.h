#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "faults/sim/random.h"

namespace pollbus::faults {

// A version-4 UUID from the world's random numbers.
inline std::string draw_uuid(Random& random) {
  const std::uint64_t high = random.next();
  const std::uint64_t low = random.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xfff, low >> 48 & 0xfff, low & 0xffff'ffff'ffff);
}

}  // namespace pollbus::faults
