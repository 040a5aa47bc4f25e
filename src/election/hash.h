#pragma once

#include <array>
#include <string>

namespace pollbus {

// The first 128 bits of a hash: enough that no two votes of an election share one by chance.
using Hash128 = std::array<unsigned char, 16>;

// Writes two lower-case hexadecimal digits, in the same time for every byte.
inline void write_hex(unsigned char byte, char* digits) {
  const auto digit = [](int value) {
    const int to_letter = (9 - value) >> 8 & ('a' - '0' - 10);  // 0 for the values to 9
    return static_cast<char>('0' + value + to_letter);
  };
  digits[0] = digit(byte >> 4);
  digits[1] = digit(byte & 0xf);
}

// Thirty-two lower-case hexadecimal digits.
std::string to_hex(const Hash128& hash);

}  // namespace pollbus
