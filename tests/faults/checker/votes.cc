#include "faults/checker/votes.h"

#include <algorithm>
#include <utility>

#include "election/receipt.h"
#include "faults/checker/pseudonym.h"

namespace pollbus::faults {

bool Vote::was_answered(Outcome outcome) const {
  return std::ranges::find(answers, outcome, &Answer::result) != answers.end();
}

namespace {

// The vote was cast no later than this.
void add_time(const MachineEvent& event, Vote* vote) {
  vote->cast_us = std::min(vote->cast_us, event.published_us.value_or(event.t_us));
}

}  // namespace

Votes::Votes(const Evidence& evidence, const Keys& keys) {
  for (const MachineEvent& event : evidence.events) add(event);
  add_early_answers();
  find_receipts(evidence);
  for (const Rows& found : evidence.rows)
    rows[{found.election, found.machine, found.choice}] += found.count;
  for (const StoredMark& mark : evidence.marks)
    marks[{mark.election, pseudonym(keys.pseudonyms, mark.election, mark.voter)}] = &mark;
}

void Votes::add(const MachineEvent& event) {
  switch (event.kind) {
    case MachineEvent::Kind::kStart:
      break;
    case MachineEvent::Kind::kCast:
    case MachineEvent::Kind::kRecovered:
    case MachineEvent::Kind::kKept:
      add_vote(event);
      break;
    case MachineEvent::Kind::kRepublished:
      if (const auto found = by_uuid.find(event.uuid); found != by_uuid.end()) {
        all[found->second].timed_out = true;
        add_time(event, &all[found->second]);
      }
      break;
    case MachineEvent::Kind::kAnswered:
      add_answer(event);
      break;
    case MachineEvent::Kind::kErased:
      add_erased(event);
      break;
    case MachineEvent::Kind::kLeft:
      add_left(event);
      break;
  }
}

void Votes::add_vote(const MachineEvent& event) {
  const Content content{event.election, event.machine, event.choice};
  const auto [found, is_new] = by_uuid.try_emplace(event.uuid, all.size());
  if (is_new) {
    all.push_back({.uuid = event.uuid,
                   .content = content,
                   .voter = event.voter,
                   .eligible = event.eligible,
                   .cast_us = event.published_us.value_or(event.t_us)});
    by_voter[{event.election, event.voter}].push_back(found->second);
    return;
  }
  Vote& vote = all[found->second];
  add_time(event, &vote);
  if (event.kind != MachineEvent::Kind::kKept) vote.is_pending = true;
  if (vote.content != content || vote.voter != event.voter) {
    contradictions.push_back({"I2", event.uuid, "was cast twice with different content"});
  }
}

void Votes::add_answer(const MachineEvent& event) {
  const auto found = by_uuid.find(event.uuid);
  if (found == by_uuid.end()) {
    early_answers_.push_back(&event);
    return;
  }
  Vote& vote = all[found->second];
  vote.answers.push_back({event.t_us, event.machine, event.result, event.reason});
  if (event.ends) vote.is_pending = false;
}

void Votes::add_early_answers() {
  for (const MachineEvent* event : std::exchange(early_answers_, {})) {
    if (by_uuid.contains(event->uuid)) {
      add_answer(*event);
    } else if (event->result != Outcome::kRejected) {
      // Bad messages may carry any machine's id, so a machine may get rejections for them.
      contradictions.push_back({"I6", event->uuid, "was answered, but no machine cast it"});
    }
  }
}

void Votes::add_erased(const MachineEvent& event) {
  const auto found = by_uuid.find(event.uuid);
  if (found != by_uuid.end() && all[found->second].answers.empty()) {
    contradictions.push_back(
        {"I6", event.uuid, "was erased from its machine's journal before it was answered"});
  }
}

void Votes::add_left(const MachineEvent& event) {
  const auto found = by_uuid.find(event.uuid);
  if (found != by_uuid.end()) all[found->second].is_pending = true;
  contradictions.push_back({"I6", event.uuid, "is still in its machine's journal"});
}

void Votes::find_receipts(const Evidence& evidence) {
  std::map<KeyedHash, std::size_t> known;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Vote& vote = all[i];
    known[receipt(vote.content.election, vote.uuid)] = i;
  }
  for (const StoredReceipt& stored : evidence.receipts) {
    const auto found = known.find(stored.receipt);
    const bool is_known =
        found != known.end() && all[found->second].content.election == stored.election;
    if (!is_known) {
      strange_receipts.push_back(&stored);
    } else if (Vote& vote = all[found->second]; vote.receipt != nullptr) {
      contradictions.push_back({"I3", vote.uuid, "has two receipts"});
    } else {
      vote.receipt = &stored;
    }
  }
}

}  // namespace pollbus::faults
