#include "support/random_hex.h"

#include <fmt/format.h>

#include <random>

namespace pollbus::testing {

std::string random_hex(std::size_t bytes) {
  std::random_device random;
  std::uniform_int_distribution<unsigned> byte(0, 255);
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", byte(random));
  return text;
}

}  // namespace pollbus::testing
