#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/core/filter_expression.h"

namespace pollbus::broker {

// A filter with a larger normal form is evaluated as a whole instead.
constexpr std::size_t kMaxConjunctions = 64;

struct Literal {
  bool matches(Attributes attributes) const { return comparison.matches(attributes) != negated; }

  Comparison comparison;
  bool negated = false;
};

// Holds when all of its literals hold.
using Conjunction = std::vector<Literal>;

// Returns the disjunctive normal form: `expression` holds when at least one conjunction does.
// std::nullopt when the conversion would need more than kMaxConjunctions at any step.
std::optional<std::vector<Conjunction>> to_disjunctive_normal_form(const Expression& expression);

}  // namespace pollbus::broker
