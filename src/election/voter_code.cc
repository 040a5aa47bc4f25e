#include "election/voter_code.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>

#include "base/byte_order.h"
#include "election/sha256.h"
#include "election/vote.h"

namespace pollbus {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kSecretDigits = 13;  // 65 bits for 64
constexpr std::size_t kGroup = 4;
constexpr std::size_t kMaxDigits = 28;

int digit_value(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const std::size_t found = kDigits.find(c);
  return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

// Multiplies by the generator of the field of 32 elements, with x^5 + x^2 + 1.
unsigned times_generator(unsigned value) {
  value <<= 1;
  return (value & 0x20) != 0 ? value ^ 0x25 : value;
}

// A weighted sum over the field of 32 elements. The weights of the (at most 28) positions differ,
// so a wrong digit and an exchange of two digits change it.
unsigned check_digit(std::string_view digits) {
  unsigned sum = 0;
  for (const char c : digits) {
    sum = times_generator(sum ^ static_cast<unsigned>(digit_value(c)));
  }
  return sum;
}

void append_digits(std::string& text, std::uint64_t value, std::size_t count) {
  const std::size_t start = text.size();
  text.resize(start + count);
  for (std::size_t i = count; i-- > 0; value >>= 5) text[start + i] = kDigits[value & 31];
}

// Enough digits for the voter number, and so many that the code has whole groups.
std::size_t voter_digits(std::int64_t voter) {
  std::size_t count = 2;
  while (5 * count < 64 && (static_cast<std::uint64_t>(voter) >> (5 * count)) != 0) count += kGroup;
  return count;
}

// Returns the digits in their normal form, or nothing if a character is none.
std::optional<std::string> normal_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n') continue;
    const int value = digit_value(c);
    if (value < 0 || digits.size() == kMaxDigits) return std::nullopt;
    digits += kDigits[static_cast<std::size_t>(value)];
  }
  return digits;
}

// Returns nothing if the value does not fit.
std::optional<std::uint64_t> value_of(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    if ((value >> 59) != 0) return std::nullopt;
    value = value << 5 | static_cast<std::uint64_t>(digit_value(c));
  }
  return value;
}

}  // namespace

VoterCode random_voter_code(std::int64_t voter) {
  VoterCode code{.voter = voter};
  randombytes_buf(&code.secret, sizeof code.secret);
  return code;
}

std::string format_voter_code(const VoterCode& code) {
  std::string digits;
  append_digits(digits, static_cast<std::uint64_t>(code.voter), voter_digits(code.voter));
  append_digits(digits, code.secret, kSecretDigits);
  append_digits(digits, check_digit(digits), 1);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i % kGroup == 0) text += '-';
    text += digits[i];
  }
  return text;
}

std::optional<VoterCode> parse_voter_code(std::string_view text) {
  const std::optional<std::string> digits = normal_digits(text);
  if (!digits || digits->size() < kSecretDigits + 3) return std::nullopt;
  const std::size_t voter_size = digits->size() - kSecretDigits - 1;
  const std::string_view content = std::string_view(*digits).substr(0, digits->size() - 1);
  if (kDigits[check_digit(content)] != digits->back()) return std::nullopt;
  const auto voter = value_of(content.substr(0, voter_size));
  const auto secret = value_of(content.substr(voter_size));
  if (!voter || !secret || *voter > static_cast<std::uint64_t>(kMaxId)) return std::nullopt;
  const auto number = static_cast<std::int64_t>(*voter);
  if (voter_digits(number) != voter_size) return std::nullopt;
  return VoterCode{.voter = number, .secret = *secret};
}

std::uint64_t code_hash(std::int64_t election, const VoterCode& code) {
  std::string text = fmt::format("pollbus code {} {} {:016x}", election, code.voter, code.secret);
  const Sha256 hash = sha256(text);
  sodium_memzero(text.data(), text.size());
  return from_big_endian<std::uint64_t>(bytes_of(hash).substr(0, 8));
}

}  // namespace pollbus
