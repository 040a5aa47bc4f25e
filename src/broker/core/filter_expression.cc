#include "broker/core/filter_expression.h"

#include <algorithm>

namespace pollbus::broker {

bool Comparison::matches(Attributes attributes) const {
  const Attribute* attribute = find_attribute(attributes, key);
  if (attribute == nullptr) return false;
  switch (kind) {
    case Kind::kHas:
      return true;
    case Kind::kEquals:
      return attribute->value == value;
    case Kind::kHasPrefix:
      return attribute->value.starts_with(value);
  }
  return false;
}

bool Expression::matches(Attributes attributes) const {
  const auto holds = [attributes](const Expression& operand) {
    return operand.matches(attributes);
  };
  switch (kind) {
    case Kind::kComparison:
      return comparison.matches(attributes);
    case Kind::kNot:
      return !operands.front().matches(attributes);
    case Kind::kAnd:
      return std::ranges::all_of(operands, holds);
    case Kind::kOr:
      return std::ranges::any_of(operands, holds);
  }
  return false;
}

}  // namespace pollbus::broker
