#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/core/attributes.h"
#include "broker/core/filter_expression.h"

namespace pollbus::broker {

constexpr std::size_t kMaxFilterBytes = 256;
// Parentheses cannot be nested this deeply within kMaxFilterBytes; chains of minus signs can.
constexpr std::size_t kMaxFilterNesting = 128;

// A subscription's filter (https://cloud.google.com/pubsub/docs/subscription-message-filter).
// An immutable value type that many threads may read. White space is allowed between any two
// tokens, also around `.` and `:`. A key consists of A-Z a-z 0-9 - _ and must not be AND, OR or
// NOT; any other key can be written as a string literal. The escapes \xHH and \OOO are bytes of
// valid UTF-8.
class Filter {
 public:
  // INVALID_ARGUMENT names the character (counted from 1) and what was expected there.
  static absl::StatusOr<Filter> parse(std::string_view text);

  // The empty filter, which matches everything.
  Filter() = default;

  bool matches(Attributes attributes) const { return !root_ || root_->matches(attributes); }
  bool matches_everything() const { return !root_; }

  const std::string& text() const { return text_; }
  // nullptr for the empty filter.
  const Expression* expression() const { return root_ ? &*root_ : nullptr; }

 private:
  Filter(std::string_view text, std::optional<Expression> root)
      : text_(text), root_(std::move(root)) {}

  std::string text_;
  std::optional<Expression> root_;
};

}  // namespace pollbus::broker
