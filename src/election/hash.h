#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include "base/byte_order.h"

namespace pollbus {

// The first 128 bits of a hash: enough that no two votes of an election share one by chance.
using Hash128 = std::array<unsigned char, 16>;

// Writes the lower-case hexadecimal digits of the bytes, two for each byte. The number of bytes
// must be a multiple of four, because the eight digits of four bytes are made at once. The time
// depends on that number only, and not on the bytes.
inline void write_hex(std::span<const unsigned char> bytes, char* digits) {
  constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
  for (; !bytes.empty(); bytes = bytes.subspan(4)) {
    const auto pair = [&](std::size_t i) {
      return std::uint64_t{bytes[i] >> 4 | (bytes[i] & 0xfU) << 8} << (16 * i);
    };
    const std::uint64_t values = pair(0) | pair(1) | pair(2) | pair(3);  // a byte for each digit
    const std::uint64_t is_letter = (values + 6 * kEach) >> 4 & kEach;
    const std::uint64_t text = values + '0' * kEach + is_letter * ('a' - '0' - 10);
    const auto ordered = bytes_in_order(text, std::endian::little);
    digits = std::ranges::copy(ordered, digits).out;
  }
}

// Thirty-two lower-case hexadecimal digits.
std::string to_hex(const Hash128& hash);

}  // namespace pollbus
