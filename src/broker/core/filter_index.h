#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/core/filter.h"
#include "broker/core/filter_dnf.h"
#include "broker/core/message.h"

namespace pollbus::broker {

// Finds the subscriptions of one topic whose filter matches a message, at a cost that does not grow
// with the number of those that do not: each conjunction of a filter's disjunctive normal form is
// anchored on one of its `key = "value"`, that with the fewest others, and only the anchors of the
// message's own attributes are looked at. What has no such anchor is scanned. Not thread-safe.
class FilterIndex {
 public:
  // The same filter is to be given to add() and remove().
  void add(SubscriptionId subscription, const Filter& filter);
  void remove(SubscriptionId subscription, const Filter& filter);

  // Appends each matching subscription once, in no particular order.
  void match(Attributes attributes, std::vector<SubscriptionId>* matched);

  // Conjunctions that every publish has to try.
  std::size_t scanned() const { return scanned_.size(); }

 private:
  struct Clause {
    SubscriptionId subscription = 0;
    bool has_siblings = false;  // the subscription stands in other clauses too
    std::vector<Literal> rest;  // what must hold besides the anchor
  };
  // A filter whose normal form would be too large is tried as a whole.
  struct Scanned {
    Clause clause;
    std::vector<Expression> whole;  // none or one
  };
  using Clauses = std::vector<Clause>;
  using ClausesByValue = absl::flat_hash_map<std::string, Clauses>;

  void add_clause(SubscriptionId subscription, Conjunction conjunction, bool has_siblings);
  std::size_t clauses_at(const Comparison& anchor) const;
  void remove_clauses(const Comparison& anchor, SubscriptionId subscription);
  void try_clause(const Clause& clause, Attributes attributes,
                  std::vector<SubscriptionId>* matched);

  std::vector<SubscriptionId> unfiltered_;
  absl::flat_hash_map<std::string, ClausesByValue> anchored_;
  std::vector<Scanned> scanned_;
  // For subscriptions with several clauses: the last match() that has found them.
  absl::flat_hash_map<SubscriptionId, std::uint64_t> found_in_;
  std::uint64_t match_ = 0;
};

}  // namespace pollbus::broker
