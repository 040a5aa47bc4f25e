#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/core/filter_expression.h"

namespace pollbus::broker {

// More conjunctions than this and a filter is evaluated as a whole instead.
constexpr std::size_t kMaxConjunctions = 64;

struct Literal {
  bool matches(Attributes attributes) const { return comparison.matches(attributes) != negated; }

  Comparison comparison;
  bool negated = false;
};

// All literals hold.
using Conjunction = std::vector<Literal>;

// The disjunctive normal form: `expression` holds when at least one of the conjunctions does.
// std::nullopt when there would be more than kMaxConjunctions on the way.
std::optional<std::vector<Conjunction>> to_disjunctive_normal_form(const Expression& expression);

}  // namespace pollbus::broker
