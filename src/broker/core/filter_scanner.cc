#include "broker/core/filter_scanner.h"

#include <fmt/format.h>

#include "base/status.h"
#include "broker/core/utf8.h"

namespace pollbus::broker {
namespace {

constexpr std::size_t kShortUnicodeDigits = 4;
constexpr std::size_t kLongUnicodeDigits = 8;
constexpr std::size_t kHexDigits = 2;
constexpr std::size_t kOctalDigits = 3;
constexpr unsigned kMaxByte = 0xFF;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Returns the value of a digit, or a value that is too large for any base.
unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 99;
}

// Returns the character of a one-letter escape, or 0.
char simple_escape(char c) {
  switch (c) {
    case '\\':
    case '"':
    case '\'':
    case '?':
      return c;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    default:
      return 0;
  }
}

}  // namespace

void FilterScanner::skip_space() {
  while (offset_ < text_.size() && is_space(text_[offset_])) ++offset_;
}

bool FilterScanner::at_end() {
  skip_space();
  return offset_ == text_.size();
}

bool FilterScanner::next_is(char symbol) {
  skip_space();
  return offset_ < text_.size() && text_[offset_] == symbol;
}

bool FilterScanner::take(std::string_view symbol) {
  skip_space();
  if (!text_.substr(offset_).starts_with(symbol)) return false;
  offset_ += symbol.size();
  return true;
}

std::string_view FilterScanner::peek_word() {
  skip_space();
  std::size_t end = offset_;
  while (end < text_.size() && is_word(text_[end])) ++end;
  return text_.substr(offset_, end - offset_);
}

std::string_view FilterScanner::take_word() {
  const std::string_view word = peek_word();
  offset_ += word.size();
  return word;
}

absl::StatusOr<std::string> FilterScanner::take_literal() {
  const std::size_t start = (skip_space(), offset_);
  if (!take("\"")) return expected("a string literal in double quotes");
  std::string literal;
  while (offset_ < text_.size() && text_[offset_] != '"') {
    if (text_[offset_] == '\\') {
      RETURN_IF_ERROR(take_escape(&literal));
    } else {
      literal += text_[offset_++];
    }
  }
  if (offset_ == text_.size()) return error_at(start, "this string literal has no closing quote");
  ++offset_;
  if (!is_valid_utf8(literal)) {
    return error_at(start,
                    "the bytes of this string literal are not valid UTF-8; \\xHH and \\OOO stand "
                    "for bytes, \\uXXXX and \\UXXXXXXXX for characters");
  }
  return literal;
}

absl::Status FilterScanner::take_escape(std::string* literal) {
  const std::size_t start = offset_++;
  const char kind = offset_ < text_.size() ? text_[offset_] : '\0';
  if (const char simple = simple_escape(kind); simple != 0) {
    ++offset_;
    *literal += simple;
    return absl::OkStatus();
  }
  if (digit_value(kind) < 8) {
    ASSIGN_OR_RETURN(const unsigned byte, take_digits(kOctalDigits, 8, start));
    if (byte > kMaxByte) return error_at(start, "an octal escape goes from \\000 to \\377");
    *literal += static_cast<char>(byte);
    return absl::OkStatus();
  }
  if (kind == 'x') {
    ++offset_;
    ASSIGN_OR_RETURN(const unsigned byte, take_digits(kHexDigits, 16, start));
    *literal += static_cast<char>(byte);
    return absl::OkStatus();
  }
  if (kind == 'u' || kind == 'U') {
    ++offset_;
    const std::size_t digits = kind == 'u' ? kShortUnicodeDigits : kLongUnicodeDigits;
    ASSIGN_OR_RETURN(const unsigned code_point, take_digits(digits, 16, start));
    if (!append_utf8(code_point, literal)) {
      return error_at(start, "this escape is not a Unicode character");
    }
    return absl::OkStatus();
  }
  return error_at(start,
                  "expected one of the escapes \\\\ \\\" \\' \\? \\a \\b \\f \\n \\r \\t \\v "
                  "\\OOO \\xHH \\uXXXX \\UXXXXXXXX");
}

absl::StatusOr<unsigned> FilterScanner::take_digits(std::size_t digits, unsigned base,
                                                    std::size_t start) {
  unsigned value = 0;
  for (std::size_t i = 0; i < digits; ++i, ++offset_) {
    const unsigned digit = offset_ < text_.size() ? digit_value(text_[offset_]) : base;
    if (digit >= base) {
      return error_at(start, fmt::format("expected {} {} digits in this escape", digits,
                                         base == 8 ? "octal" : "hexadecimal"));
    }
    value = value * base + digit;
  }
  return value;
}

std::string FilterScanner::found() {
  if (at_end()) return "the end";
  const std::string_view word = peek_word();
  if (!word.empty()) return fmt::format("\"{}\"", word);
  const std::string_view rest = text_.substr(offset_);
  return fmt::format("'{}'", rest.substr(0, first_character_bytes(rest)));
}

absl::Status FilterScanner::expected(std::string_view what) {
  const std::string next = found();
  return error_here(fmt::format("expected {}, found {}", what, next));
}

absl::Status FilterScanner::error_here(std::string_view what) {
  skip_space();
  return error_at(offset_, what);
}

absl::Status FilterScanner::error_at(std::size_t offset, std::string_view what) const {
  return absl::InvalidArgumentError(fmt::format(
      "Invalid filter at character {}: {}.", count_characters(text_.substr(0, offset)) + 1, what));
}

}  // namespace pollbus::broker
