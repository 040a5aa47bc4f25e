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

constexpr std::array<bool, 256> kIsHexDigit = [] {
  std::array<bool, 256> is_digit{};
  for (const char digit : std::string_view("0123456789abcdefABCDEF"))
    is_digit[static_cast<unsigned char>(digit)] = true;
  return is_digit;
}();

// Random bytes, drawn for many UUIDs at once: a call of the system takes longer than all the rest.
class RandomBytes {
 public:
  std::span<unsigned char, kUuidBytes> next() {
    if (used_ == bytes_.size()) {
      randombytes_buf(bytes_.data(), bytes_.size());
      used_ = 0;
    }
    used_ += kUuidBytes;
    return std::span(bytes_).subspan(used_ - kUuidBytes).first<kUuidBytes>();
  }

 private:
  static constexpr std::size_t kAtOnce = 64;

  std::array<unsigned char, kAtOnce * kUuidBytes> bytes_;
  std::size_t used_ = bytes_.size();
};

}  // namespace

std::string random_uuid() {
  thread_local RandomBytes random;
  const auto bytes = random.next();
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
  std::size_t digits = 0;
  for (const char c : text) digits += kIsHexDigit[static_cast<unsigned char>(c)] ? 1 : 0;
  return digits == 2 * kUuidBytes && text[8] == '-' && text[13] == '-' && text[18] == '-' &&
         text[23] == '-';
}

void make_lower_case(std::span<char> uuid) {
  // Digits and dashes have this bit already.
  for (char& c : uuid) c = static_cast<char>(c | ('a' - 'A'));
}

}  // namespace pollbus
