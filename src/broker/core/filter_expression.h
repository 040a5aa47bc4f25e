#pragma once

#include <string>
#include <vector>

#include "broker/core/attributes.h"

namespace pollbus::broker {

// A condition on one attribute. `!=` is a negated kEquals, so it also matches if the key is absent.
struct Comparison {
  enum class Kind { kHas, kEquals, kHasPrefix };

  bool matches(Attributes attributes) const;
  bool operator==(const Comparison&) const = default;

  Kind kind = Kind::kHas;
  std::string key;
  std::string value;  // empty for kHas
};

// A parsed filter, as an immutable tree.
struct Expression {
  enum class Kind { kComparison, kNot, kAnd, kOr };

  bool matches(Attributes attributes) const;

  Kind kind = Kind::kComparison;
  Comparison comparison;             // only for kComparison
  std::vector<Expression> operands;  // one for kNot, two or more for kAnd and kOr
};

}  // namespace pollbus::broker
