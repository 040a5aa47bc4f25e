#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus::broker {

// Reads the tokens of a filter from left to right and composes the error messages. Borrows the
// text. Each function first skips white space.
class FilterScanner {
 public:
  explicit FilterScanner(std::string_view text) : text_(text) {}

  bool at_end();
  // Takes `symbol` if it is next.
  bool take(std::string_view symbol);
  // Return the next word (A-Z a-z 0-9 - _), or an empty text. peek_word() does not consume it.
  std::string_view take_word();
  std::string_view peek_word();
  bool next_is(char symbol);
  // Returns the value of the next string literal, with its escapes resolved.
  absl::StatusOr<std::string> take_literal();

  // An error at the next token: "Invalid filter at character 12: expected …, found …."
  absl::Status expected(std::string_view what);
  absl::Status error_here(std::string_view what);

 private:
  void skip_space();
  absl::Status error_at(std::size_t offset, std::string_view what) const;
  std::string found();

  absl::Status take_escape(std::string* literal);
  // Returns the number that the next `digits` digits of base `base` stand for.
  absl::StatusOr<unsigned> take_digits(std::size_t digits, unsigned base, std::size_t start);

  std::string_view text_;
  std::size_t offset_ = 0;
};

}  // namespace pollbus::broker
