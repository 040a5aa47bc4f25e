#pragma once

#include <concepts>
#include <string>
#include <type_traits>

namespace pollbus {

// Append an integer to `bytes` with all its bytes, least or most significant first.

template <std::integral Integer>
void append_little_endian(std::string& bytes, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bytes += static_cast<char>(bits >> (8 * i) & 0xff);
  }
}

template <std::integral Integer>
void append_big_endian(std::string& bytes, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = sizeof value; i-- > 0;) {
    bytes += static_cast<char>(bits >> (8 * i) & 0xff);
  }
}

}  // namespace pollbus
