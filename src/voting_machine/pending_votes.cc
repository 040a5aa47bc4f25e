#include "voting_machine/pending_votes.h"

#include <algorithm>

namespace pollbus::voting_machine {

std::chrono::milliseconds PendingVotes::jittered(std::chrono::milliseconds pause) {
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(pause.count() * 3 / 4, pause.count())(random_));
}

void PendingVotes::insert(const std::string& uuid, Vote vote, SteadyTime due) {
  const auto [added, is_new] = votes_.emplace(uuid, std::move(vote));
  if (!is_new) return;
  added->second.due = due_.emplace(due, uuid);
  if (!added->second.timed_out) ++in_flight_;
}

void PendingVotes::add(const std::string& uuid, std::string data, Journal::Slot slot,
                       SteadyTime now) {
  insert(uuid, {.data = std::move(data), .slot = slot, .cast = now}, now + kAnswerTimeout);
}

void PendingVotes::add_recovered(const std::string& uuid, std::string data, Journal::Slot slot,
                                 SteadyTime now) {
  insert(uuid, {.data = std::move(data), .slot = slot, .timed_out = true}, now);
}

std::optional<PendingVotes::Settled> PendingVotes::settle(const std::string& uuid, SteadyTime now) {
  const auto found = votes_.find(uuid);
  if (found == votes_.end()) return std::nullopt;
  const Vote& vote = found->second;
  Settled settled{.slot = vote.slot, .latency = std::nullopt};
  if (vote.cast) settled.latency = now - *vote.cast;
  if (!vote.timed_out) --in_flight_;
  due_.erase(vote.due);
  votes_.erase(found);
  return settled;
}

PendingVotes::Due PendingVotes::take_due(SteadyTime now, std::size_t most) {
  Due due;
  while (due.data.size() < most && !due_.empty() && due_.begin()->first <= now) {
    const std::string uuid = due_.begin()->second;
    due_.erase(due_.begin());
    Vote& vote = votes_.at(uuid);
    if (!vote.timed_out) {
      vote.timed_out = true;
      --in_flight_;
      ++due.timed_out;
    }
    due.data.push_back(vote.data);
    vote.due = due_.emplace(now + jittered(vote.pause), uuid);
    vote.pause = std::min(vote.pause * 2, kMaxRetryPause);
  }
  return due;
}

std::optional<SteadyTime> PendingVotes::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace pollbus::voting_machine
