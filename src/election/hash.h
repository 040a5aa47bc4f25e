#pragma once

#include <array>
#include <string>

namespace pollbus {

// The first 128 bits of a hash: enough that no two votes of an election share one by chance.
using Hash128 = std::array<unsigned char, 16>;

// Appends two lower-case hexadecimal digits. Takes a time that depends on the byte: not for
// secrets.
inline void append_hex(unsigned char byte, std::string* text) {
  constexpr char kDigits[] = "0123456789abcdef";
  *text += kDigits[byte >> 4];
  *text += kDigits[byte & 0xf];
}

// Thirty-two lower-case hexadecimal digits.
std::string to_hex(const Hash128& hash);

}  // namespace pollbus
