#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace pollbus {

// Unsigned numbers of a fixed width, most significant byte first, so that their bytes sort as the
// numbers do.

template <std::unsigned_integral Number>
void append_big_endian(Number number, std::string* out) {
  for (int shift = 8 * (static_cast<int>(sizeof(Number)) - 1); shift >= 0; shift -= 8) {
    *out += static_cast<char>(number >> shift & 0xff);
  }
}

// `bytes` has sizeof(Number) bytes; if it has fewer, they are the least significant ones.
template <std::unsigned_integral Number>
Number from_big_endian(std::string_view bytes) {
  Number number = 0;
  for (const char byte : bytes) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(byte));
  }
  return number;
}

}  // namespace pollbus
