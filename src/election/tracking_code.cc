#include "election/tracking_code.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "election/receipt.h"

namespace pollbus {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kCodeDigits = 16;  // of 5 bits
constexpr std::size_t kGroup = 4;

std::optional<unsigned> digit_value(char c) {
  const char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == 'O') return 0;
  if (upper == 'I' || upper == 'L') return 1;
  const std::size_t value = kDigits.find(upper);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

}  // namespace

std::string tracking_code(std::int64_t election, std::string_view uuid) {
  const Hash128 whole = receipt(election, uuid);
  TrackingPrefix prefix;
  std::copy_n(whole.begin(), prefix.size(), prefix.begin());
  return format_tracking_code(prefix);
}

std::string format_tracking_code(const TrackingPrefix& prefix) {
  std::string code;
  unsigned bits = 0;
  unsigned count = 0;
  std::size_t digits = 0;
  for (const unsigned char byte : prefix) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 5; count -= 5) {
      if (digits > 0 && digits % kGroup == 0) code += '-';
      code += kDigits[(bits >> (count - 5)) & 31];
      ++digits;
    }
    bits &= (1u << count) - 1;
  }
  return code;
}

std::optional<TrackingPrefix> parse_tracking_code(std::string_view text) {
  TrackingPrefix prefix{};
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-' || c == '\t') continue;
    const auto value = digit_value(c);
    if (!value || digits == kCodeDigits) return std::nullopt;
    for (std::size_t i = 0; i < 5; ++i) {
      const std::size_t bit = digits * 5 + i;
      if (*value & (16u >> i)) prefix[bit / 8] |= static_cast<unsigned char>(0x80u >> (bit % 8));
    }
    ++digits;
  }
  return digits == kCodeDigits ? std::optional(prefix) : std::nullopt;
}

}  // namespace pollbus
