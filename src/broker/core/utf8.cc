#include "broker/core/utf8.h"

#include <algorithm>

namespace pollbus::broker {
namespace {

constexpr char32_t kMaxCodePoint = 0x10FFFF;
constexpr char32_t kSurrogatesFirst = 0xD800;
constexpr char32_t kSurrogatesLast = 0xDFFF;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

bool is_scalar(char32_t code_point) {
  return code_point <= kMaxCodePoint &&
         (code_point < kSurrogatesFirst || code_point > kSurrogatesLast);
}

// Returns the size of the character that starts with this byte; 0 if none can.
std::size_t announced_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Returns the size of the valid character at the start of `text`, or 0.
std::size_t valid_character_bytes(std::string_view text) {
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = announced_bytes(lead);
  if (bytes <= 1) return bytes;
  if (text.size() < bytes) return 0;
  char32_t code_point = lead & (0x7F >> bytes);
  for (const char byte : text.substr(1, bytes - 1)) {
    if (!is_continuation(byte)) return 0;
    code_point = code_point << 6 | (static_cast<unsigned char>(byte) & 0x3F);
  }
  return code_point >= kLeast[bytes] && is_scalar(code_point) ? bytes : 0;
}

}  // namespace

std::size_t first_character_bytes(std::string_view text) {
  return text.empty() ? 0 : std::max<std::size_t>(1, valid_character_bytes(text));
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = valid_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(first_character_bytes(text));
  return count;
}

bool append_utf8(char32_t code_point, std::string* out) {
  if (!is_scalar(code_point)) return false;
  const auto tail = [code_point](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    *out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    *out += static_cast<char>(0xC0 | code_point >> 6);
    *out += tail(0);
  } else if (code_point < 0x10000) {
    *out += static_cast<char>(0xE0 | code_point >> 12);
    *out += tail(6);
    *out += tail(0);
  } else {
    *out += static_cast<char>(0xF0 | code_point >> 18);
    *out += tail(12);
    *out += tail(6);
    *out += tail(0);
  }
  return true;
}

}  // namespace pollbus::broker
