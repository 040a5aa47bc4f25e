#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <string>
#include <string_view>

namespace pollbus {

// The bytes of an integer, least or most significant first.

template <std::integral Integer>
std::array<char, sizeof(Integer)> bytes_in_order(Integer value, std::endian order) {
  auto bytes = std::bit_cast<std::array<char, sizeof(Integer)>>(value);
  if (order != std::endian::native) std::ranges::reverse(bytes);
  return bytes;
}

template <std::integral Integer>
void append_little_endian(std::string& bytes, Integer value) {
  const auto ordered = bytes_in_order(value, std::endian::little);
  bytes.append(ordered.data(), ordered.size());
}

template <std::integral Integer>
void append_big_endian(std::string& bytes, Integer value) {
  const auto ordered = bytes_in_order(value, std::endian::big);
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
