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
// More than the parentheses that fit into kMaxFilterBytes: only chains of minus signs get there.
constexpr std::size_t kMaxFilterNesting = 128;

// A subscription's filter (https://cloud.google.com/pubsub/docs/subscription-message-filter).
// A value type, immutable, safe to read from many threads. White space may stand between any two
// tokens, around `.` and `:` too. A bare key is made of A-Z a-z 0-9 - _ and is none of AND, OR,
// NOT; a string literal names any key. \xHH and \OOO stand for bytes, which must make valid UTF-8.
class Filter {
 public:
  // INVALID_ARGUMENT says at which character (the first is 1) what was expected.
  static absl::StatusOr<Filter> parse(std::string_view text);

  // The empty filter, which matches everything.
  Filter() = default;

  bool matches(Attributes attributes) const { return !root_ || root_->matches(attributes); }
  bool matches_everything() const { return !root_; }

  const std::string& text() const { return text_; }
  // nullptr: everything.
  const Expression* expression() const { return root_ ? &*root_ : nullptr; }

 private:
  Filter(std::string_view text, std::optional<Expression> root)
      : text_(text), root_(std::move(root)) {}

  std::string text_;
  std::optional<Expression> root_;
};

}  // namespace pollbus::broker
