#include "broker/core/filter.h"

#include <fmt/format.h>

#include "base/status.h"
#include "broker/core/filter_scanner.h"

namespace pollbus::broker {
namespace {

constexpr std::string_view kAnd = "AND";
constexpr std::string_view kOr = "OR";
constexpr std::string_view kNot = "NOT";
constexpr std::string_view kAttributes = "attributes";
constexpr std::string_view kHasPrefix = "hasPrefix";

bool is_operator(std::string_view word) { return word == kAnd || word == kOr || word == kNot; }

Expression negated(Expression operand) {
  Expression result{.kind = Expression::Kind::kNot, .comparison = {}, .operands = {}};
  result.operands.push_back(std::move(operand));
  return result;
}

Expression comparison(Comparison::Kind kind, std::string key, std::string value = "") {
  return Expression{.kind = Expression::Kind::kComparison,
                    .comparison = {kind, std::move(key), std::move(value)},
                    .operands = {}};
}

// expression = unary *("AND" unary) / unary *("OR" unary)
// unary      = ("NOT" / "-") unary / "(" expression ")" / comparison
// comparison = "attributes" ":" key
//            / "attributes" "." key ("=" / "!=") literal
//            / "hasPrefix" "(" "attributes" "." key "," literal ")"
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : scan_(text) {}

  absl::StatusOr<Expression> parse() {
    ASSIGN_OR_RETURN(Expression whole, expression());
    if (!scan_.at_end()) return scan_.expected("AND, OR (in upper case) or the end");
    return whole;
  }

  bool blank() { return scan_.at_end(); }

 private:
  absl::StatusOr<Expression> expression() {
    ASSIGN_OR_RETURN(Expression first, unary());
    const std::string_view joiner = scan_.peek_word();
    if (joiner != kAnd && joiner != kOr) return first;
    Expression joined{.kind = joiner == kAnd ? Expression::Kind::kAnd : Expression::Kind::kOr,
                      .comparison = {},
                      .operands = {}};
    joined.operands.push_back(std::move(first));
    while (scan_.peek_word() == joiner) {
      scan_.take_word();
      ASSIGN_OR_RETURN(Expression next, unary());
      joined.operands.push_back(std::move(next));
    }
    if (const std::string_view other = scan_.peek_word(); other == kAnd || other == kOr) {
      return scan_.error_here("AND and OR cannot be mixed without parentheses");
    }
    return joined;
  }

  absl::StatusOr<Expression> unary() {
    if (nesting_ == kMaxFilterNesting) {
      return scan_.error_here(
          fmt::format("this is nested more than {} levels deep", kMaxFilterNesting));
    }
    ++nesting_;
    absl::StatusOr<Expression> result = nested();
    --nesting_;
    return result;
  }

  absl::StatusOr<Expression> nested() {
    if (scan_.peek_word() == kNot) {
      scan_.take_word();
      ASSIGN_OR_RETURN(Expression operand, unary());
      return negated(std::move(operand));
    }
    if (scan_.take("-")) {
      ASSIGN_OR_RETURN(Expression operand, unary());
      return negated(std::move(operand));
    }
    if (scan_.take("(")) {
      ASSIGN_OR_RETURN(Expression inner, expression());
      if (!scan_.take(")")) return scan_.expected("AND, OR (in upper case) or ')'");
      return inner;
    }
    if (scan_.peek_word() == kAttributes) return attribute();
    if (scan_.peek_word() == kHasPrefix) return has_prefix();
    return scan_.expected("attributes, hasPrefix, NOT, '-' or '('");
  }

  absl::StatusOr<Expression> attribute() {
    scan_.take_word();
    if (scan_.take(":")) {
      ASSIGN_OR_RETURN(std::string present, key());
      return comparison(Comparison::Kind::kHas, std::move(present));
    }
    if (!scan_.take(".")) return scan_.expected("'.' or ':' after attributes");
    ASSIGN_OR_RETURN(std::string compared, key());
    const bool is_unequal = scan_.take("!=");
    if (!is_unequal && !scan_.take("=")) return scan_.expected("'=' or '!='");
    ASSIGN_OR_RETURN(std::string value, scan_.take_literal());
    Expression equal = comparison(Comparison::Kind::kEquals, std::move(compared), std::move(value));
    return is_unequal ? negated(std::move(equal)) : equal;
  }

  absl::StatusOr<Expression> has_prefix() {
    scan_.take_word();
    if (!scan_.take("(")) return scan_.expected("'(' after hasPrefix");
    if (scan_.peek_word() != kAttributes) return scan_.expected("attributes");
    scan_.take_word();
    if (!scan_.take(".")) return scan_.expected("'.' after attributes");
    ASSIGN_OR_RETURN(std::string compared, key());
    if (!scan_.take(",")) return scan_.expected("','");
    ASSIGN_OR_RETURN(std::string prefix, scan_.take_literal());
    if (!scan_.take(")")) return scan_.expected("')'");
    return comparison(Comparison::Kind::kHasPrefix, std::move(compared), std::move(prefix));
  }

  absl::StatusOr<std::string> key() {
    if (scan_.next_is('"')) return scan_.take_literal();
    const std::string_view word = scan_.peek_word();
    if (word.empty()) return scan_.expected("a key, or a key as a string literal");
    if (is_operator(word)) {
      return scan_.error_here(fmt::format(
          "{0} is an operator; as a key it is written as the string literal \"{0}\"", word));
    }
    return std::string(scan_.take_word());
  }

  FilterScanner scan_;
  std::size_t nesting_ = 0;
};

}  // namespace

absl::StatusOr<Filter> Filter::parse(std::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return absl::InvalidArgumentError(
        fmt::format("Invalid filter: it has {} bytes, but the maximum length is {} bytes.",
                    text.size(), kMaxFilterBytes));
  }
  FilterParser parser(text);
  if (parser.blank()) return Filter(text, std::nullopt);
  ASSIGN_OR_RETURN(Expression root, parser.parse());
  return Filter(text, std::move(root));
}

}  // namespace pollbus::broker
