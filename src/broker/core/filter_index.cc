#include "broker/core/filter_index.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/string_view.h"

namespace pollbus::broker {
namespace {

bool can_anchor(const Literal& literal) {
  return !literal.negated && literal.comparison.kind == Comparison::Kind::kEquals;
}

// Abseil's maps accept only absl::string_view for lookups.
absl::string_view lookup_key(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void FilterIndex::add(SubscriptionId subscription, const Filter& filter) {
  if (filter.matches_everything()) {
    unfiltered_.push_back(subscription);
    return;
  }
  auto form = to_disjunctive_normal_form(*filter.expression());
  if (!form) {
    scanned_.push_back({.clause = {.subscription = subscription, .has_siblings = false, .rest = {}},
                        .whole = {*filter.expression()}});
    return;
  }
  const bool has_siblings = form->size() > 1;
  if (has_siblings) found_in_[subscription] = match_;
  for (Conjunction& conjunction : *form) {
    add_clause(subscription, std::move(conjunction), has_siblings);
  }
}

// The anchor with the fewest clauses so far; the end when there is no anchor.
Conjunction::const_iterator FilterIndex::best_anchor(const Conjunction& conjunction) const {
  auto best = conjunction.end();
  std::size_t fewest = 0;
  for (auto literal = conjunction.begin(); literal != conjunction.end(); ++literal) {
    if (!can_anchor(*literal)) continue;
    const std::size_t clauses = clauses_at(literal->comparison);
    if (best != conjunction.end() && clauses >= fewest) continue;
    best = literal;
    fewest = clauses;
  }
  return best;
}

bool FilterIndex::has_room_for(const Filter& filter, std::size_t limit) const {
  if (filter.matches_everything()) return true;
  const auto form = to_disjunctive_normal_form(*filter.expression());
  if (!form) return scanned_.size() < limit;
  std::size_t scanned = scanned_.size();
  for (const Conjunction& conjunction : *form) {
    const auto anchor = best_anchor(conjunction);
    if (anchor == conjunction.end()) {
      if (++scanned > limit) return false;
    } else if (conjunction.size() > 1 && clauses_at(anchor->comparison) >= limit) {
      return false;
    }
  }
  return true;
}

void FilterIndex::add_clause(SubscriptionId subscription, Conjunction conjunction,
                             bool has_siblings) {
  const auto anchor = best_anchor(conjunction);
  Clause clause{.subscription = subscription, .has_siblings = has_siblings, .rest = {}};
  if (anchor == conjunction.end()) {
    clause.rest = std::move(conjunction);
    scanned_.push_back({.clause = std::move(clause), .whole = {}});
    return;
  }
  const Comparison at = anchor->comparison;
  conjunction.erase(anchor);
  conjunction.shrink_to_fit();
  clause.rest = std::move(conjunction);
  anchored_[at.key][at.value].push_back(std::move(clause));
}

std::size_t FilterIndex::clauses_at(const Comparison& anchor) const {
  const auto by_value = anchored_.find(anchor.key);
  if (by_value == anchored_.end()) return 0;
  const auto clauses = by_value->second.find(anchor.value);
  return clauses == by_value->second.end() ? 0 : clauses->second.size();
}

void FilterIndex::remove(SubscriptionId subscription, const Filter& filter) {
  if (filter.matches_everything()) {
    std::erase(unfiltered_, subscription);
    return;
  }
  std::erase_if(scanned_, [subscription](const Scanned& scanned) {
    return scanned.clause.subscription == subscription;
  });
  found_in_.erase(subscription);
  const auto form = to_disjunctive_normal_form(*filter.expression());
  if (!form) return;
  // To save memory the index does not remember which literal is the anchor, so this tries all.
  for (const Conjunction& conjunction : *form) {
    for (const Literal& literal : conjunction) {
      if (can_anchor(literal)) remove_clauses(literal.comparison, subscription);
    }
  }
}

void FilterIndex::remove_clauses(const Comparison& anchor, SubscriptionId subscription) {
  const auto by_value = anchored_.find(anchor.key);
  if (by_value == anchored_.end()) return;
  const auto clauses = by_value->second.find(anchor.value);
  if (clauses == by_value->second.end()) return;
  std::erase_if(clauses->second, [subscription](const Clause& clause) {
    return clause.subscription == subscription;
  });
  if (!clauses->second.empty()) return;
  by_value->second.erase(clauses);
  if (by_value->second.empty()) anchored_.erase(by_value);
}

void FilterIndex::match(Attributes attributes, std::vector<SubscriptionId>* matched) {
  ++match_;
  matched->insert(matched->end(), unfiltered_.begin(), unfiltered_.end());
  if (!anchored_.empty()) {
    for (const Attribute& attribute : attributes) {
      const auto by_value = anchored_.find(lookup_key(attribute.key));
      if (by_value == anchored_.end()) continue;
      const auto clauses = by_value->second.find(lookup_key(attribute.value));
      if (clauses == by_value->second.end()) continue;
      for (const Clause& clause : clauses->second) try_clause(clause, attributes, matched);
    }
  }
  for (const Scanned& scanned : scanned_) {
    if (scanned.whole.empty() || scanned.whole.front().matches(attributes)) {
      try_clause(scanned.clause, attributes, matched);
    }
  }
}

void FilterIndex::try_clause(const Clause& clause, Attributes attributes,
                             std::vector<SubscriptionId>* matched) {
  const bool holds = std::ranges::all_of(
      clause.rest, [attributes](const Literal& literal) { return literal.matches(attributes); });
  if (!holds) return;
  if (clause.has_siblings) {
    std::uint64_t& found_in = found_in_[clause.subscription];
    if (found_in == match_) return;
    found_in = match_;
  }
  matched->push_back(clause.subscription);
}

}  // namespace pollbus::broker
