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
  constexpr std::uint64_t kLowDigits = 0x000f'000f'000f'000f;
  for (; !bytes.empty(); bytes = bytes.subspan(4)) {
    std::uint64_t four = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | std::uint64_t{bytes[3]} << 24;
    four = (four | four << 16) & 0x0000'ffff'0000'ffff;
    four = (four | four << 8) & 0x00ff'00ff'00ff'00ff;  // sixteen bits for each byte
    const std::uint64_t values = (four >> 4 & kLowDigits) | (four & kLowDigits) << 8;
    const std::uint64_t is_letter = (values + 6 * kEach) >> 4 & kEach;
    const std::uint64_t text = values + '0' * kEach + is_letter * ('a' - '0' - 10);
    const auto ordered = bytes_in_order(text, std::endian::little);
    digits = std::ranges::copy(ordered, digits).out;
  }
}

// Thirty-two lower-case hexadecimal digits.
std::string to_hex(const Hash128& hash);

}  // namespace pollbus
