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
// with the number of subscriptions that do not match. Each conjunction of a filter's disjunctive
// normal form is stored under one of its `key = "value"` comparisons, its anchor, and only anchors
// that are attributes of the message are looked up. Conjunctions without an anchor are scanned for
// every message; has_room_for() bounds their number. Not thread-safe.
class FilterIndex {
 public:
  // remove() needs the same filter as add().
  void add(SubscriptionId subscription, const Filter& filter);
  void remove(SubscriptionId subscription, const Filter& filter);

  // Appends each matching subscription once, in unspecified order.
  void match(Attributes attributes, std::vector<SubscriptionId>* matched);

  // The number of conjunctions that are evaluated for every message.
  std::size_t scanned() const { return scanned_.size(); }
  // Whether, with this filter added, no message has more than about `limit` conjunctions to
  // evaluate that share an anchor or have none. An anchor alone costs nothing: it is a match.
  bool has_room_for(const Filter& filter, std::size_t limit) const;

 private:
  struct Clause {
    SubscriptionId subscription = 0;
    bool has_siblings = false;  // the subscription has other clauses too
    std::vector<Literal> rest;  // all literals but the anchor
  };
  // A filter whose normal form would be too large is evaluated as a whole.
  struct Scanned {
    Clause clause;
    std::vector<Expression> whole;  // empty, or the whole filter
  };
  using Clauses = std::vector<Clause>;
  using ClausesByValue = absl::flat_hash_map<std::string, Clauses>;

  Conjunction::const_iterator best_anchor(const Conjunction& conjunction) const;
  void add_clause(SubscriptionId subscription, Conjunction conjunction, bool has_siblings);
  std::size_t clauses_at(const Comparison& anchor) const;
  void remove_clauses(const Comparison& anchor, SubscriptionId subscription);
  void try_clause(const Clause& clause, Attributes attributes,
                  std::vector<SubscriptionId>* matched);

  std::vector<SubscriptionId> unfiltered_;
  absl::flat_hash_map<std::string, ClausesByValue> anchored_;
  std::vector<Scanned> scanned_;
  // For subscriptions with several clauses: the number of the last match() that found them.
  absl::flat_hash_map<SubscriptionId, std::uint64_t> found_in_;
  std::uint64_t match_ = 0;
};

}  // namespace pollbus::broker
