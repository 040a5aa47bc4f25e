#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace pollbus {

// The first 128 bits of a hash: enough that no two votes of an election share one by chance.
using Hash128 = std::array<unsigned char, 16>;

// Writes the lower-case hexadecimal digits of the bytes, two for each, in a time that depends only on
// their number, a multiple of four: their eight digits are made at once.
inline void write_hex(std::span<const unsigned char> bytes, char* digits) {
  constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    std::uint64_t values = 0;  // the eight digits' values, a byte each
    for (std::size_t j = 0; j < 4; ++j) {
      const std::uint64_t byte = bytes[i + j];
      values |= (byte >> 4 | (byte & 0xf) << 8) << (16 * j);
    }
    const std::uint64_t is_letter = (values + 6 * kEach) >> 4 & kEach;
    const std::uint64_t text = values + '0' * kEach + is_letter * ('a' - '0' - 10);
    for (std::size_t j = 0; j < 8; ++j) *digits++ = static_cast<char>(text >> (8 * j));
  }
}

// Thirty-two lower-case hexadecimal digits.
std::string to_hex(const Hash128& hash);

}  // namespace pollbus
