#pragma once

// Used inside tests/faults/checker only.

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/checker/judge.h"

namespace pollbus::faults {

// The columns of a stored vote.
struct Content {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  // clang-tidy 14 takes the zero of a defaulted comparison for a null pointer.
  auto operator<=>(const Content&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct Answer {
  std::int64_t t_us = 0;
  std::int64_t machine = 0;
  Outcome result = Outcome::kSuccessful;
  std::string reason;
};

// A vote and everything that is known about it.
struct Vote {
  std::string uuid;
  Content content;
  KeyedHash voter{};
  Eligible eligible = Eligible::kYes;
  std::int64_t cast_us = 0;
  bool is_pending = true;
  bool timed_out = false;
  std::vector<Answer> answers;
  const StoredReceipt* receipt = nullptr;

  bool was_answered(Outcome outcome) const;
};

// The evidence joined by vote, voter, receipt and mark. Borrows the evidence.
struct Votes {
  Votes(const Evidence& evidence, const Keys& keys);

  using ByVoter = std::pair<std::int64_t, KeyedHash>;  // election and voter

  std::vector<Vote> all;  // in the order in which they were cast
  std::unordered_map<std::string, std::size_t> by_uuid;
  std::map<ByVoter, std::vector<std::size_t>> by_voter;
  std::map<ByVoter, const StoredMark*> marks;
  std::map<Content, std::int64_t> rows;
  std::vector<const StoredReceipt*> strange_receipts;  // of no vote that was cast
  std::vector<Violation> contradictions;               // within the machines' events

 private:
  void add(const MachineEvent& event);
  void add_vote(const MachineEvent& event);
  void add_answer(const MachineEvent& event);
  void add_erased(const MachineEvent& event);
  void add_left(const MachineEvent& event);
  void add_early_answers();
  void find_receipts(const Evidence& evidence);

  // Answers that come before their vote in the evidence: the witness that watches the bus may see
  // an answer first.
  std::vector<const MachineEvent*> early_answers_;
};

}  // namespace pollbus::faults
