#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace pollbus {

// Append an integer to `bytes` with all its bytes, least or most significant first.

template <std::integral Integer>
void append_little_endian(std::string& bytes, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  std::array<char, sizeof value> ordered;
  for (std::size_t i = 0; i < sizeof value; ++i)
    ordered[i] = static_cast<char>(bits >> (8 * i) & 0xff);
  bytes.append(ordered.data(), ordered.size());
}

template <std::integral Integer>
void append_big_endian(std::string& bytes, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  std::array<char, sizeof value> ordered;
  for (std::size_t i = 0; i < sizeof value; ++i)
    ordered[sizeof value - 1 - i] = static_cast<char>(bits >> (8 * i) & 0xff);
  bytes.append(ordered.data(), ordered.size());
}

// Reads an integer of which the most significant byte comes first. If there are fewer bytes than it
// has, the missing ones are zero.
template <std::unsigned_integral Integer>
Integer from_big_endian(std::string_view bytes) {
  Integer value = 0;
  for (const char byte : bytes) {
    value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(byte));
  }
  return value;
}

}  // namespace pollbus
