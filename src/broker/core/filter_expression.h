#pragma once

#include <string>
#include <vector>

#include "broker/core/attributes.h"

namespace pollbus::broker {

// What a filter can ask of one attribute. `!=` is a negated kEquals, and so matches an absent key.
struct Comparison {
  enum class Kind { kHas, kEquals, kHasPrefix };

  bool matches(Attributes attributes) const;
  bool operator==(const Comparison&) const = default;

  Kind kind = Kind::kHas;
  std::string key;
  std::string value;  // empty for kHas
};

// A parsed filter. A value type; immutable once parsed.
struct Expression {
  enum class Kind { kComparison, kNot, kAnd, kOr };

  bool matches(Attributes attributes) const;

  Kind kind = Kind::kComparison;
  Comparison comparison;             // kComparison
  std::vector<Expression> operands;  // one for kNot, at least two for kAnd and kOr
};

}  // namespace pollbus::broker
