#include "broker/core/filter_dnf.h"

#include <iterator>

namespace pollbus::broker {
namespace {

using Disjunction = std::optional<std::vector<Conjunction>>;

Disjunction either(Disjunction left, Disjunction right) {
  if (!left || !right || left->size() + right->size() > kMaxConjunctions) return std::nullopt;
  std::move(right->begin(), right->end(), std::back_inserter(*left));
  return left;
}

Disjunction both(const Disjunction& left, const Disjunction& right) {
  if (!left || !right || left->size() * right->size() > kMaxConjunctions) return std::nullopt;
  std::vector<Conjunction> product;
  product.reserve(left->size() * right->size());
  for (const Conjunction& first : *left) {
    for (const Conjunction& second : *right) {
      Conjunction& conjunction = product.emplace_back(first);
      conjunction.insert(conjunction.end(), second.begin(), second.end());
    }
  }
  return product;
}

Disjunction convert(const Expression& expression, bool is_negated) {
  switch (expression.kind) {
    case Expression::Kind::kComparison:
      return std::vector<Conjunction>{{Literal{expression.comparison, is_negated}}};
    case Expression::Kind::kNot:
      return convert(expression.operands.front(), !is_negated);
    case Expression::Kind::kAnd:
    case Expression::Kind::kOr:
      break;
  }
  // De Morgan: a negated AND is an OR of the negated operands.
  const bool is_and = (expression.kind == Expression::Kind::kAnd) != is_negated;
  Disjunction result = convert(expression.operands.front(), is_negated);
  for (std::size_t i = 1; i < expression.operands.size(); ++i) {
    Disjunction next = convert(expression.operands[i], is_negated);
    result = is_and ? both(result, next) : either(std::move(result), std::move(next));
  }
  return result;
}

}  // namespace

std::optional<std::vector<Conjunction>> to_disjunctive_normal_form(const Expression& expression) {
  return convert(expression, false);
}

}  // namespace pollbus::broker
