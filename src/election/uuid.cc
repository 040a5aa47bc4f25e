#include "election/uuid.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "election/hash.h"

namespace pollbus {
namespace {

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kUuidTextBytes = 36;

constexpr bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string random_uuid() {
  std::array<unsigned char, kUuidBytes> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);  // variant of RFC 4122
  std::array<char, 2 * kUuidBytes> digits;
  write_hex(bytes, digits.data());
  std::string text(kUuidTextBytes, '-');
  for (std::size_t position = 0; const char digit : digits) {
    if (is_dash_position(position)) ++position;
    text[position++] = digit;
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidTextBytes) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i) ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

void make_lower_case(std::span<char> uuid) {
  std::ranges::transform(uuid, uuid.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

}  // namespace pollbus
