#include "voting_machine/pending_votes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pollbus::voting_machine {

std::chrono::milliseconds PendingVotes::jittered(std::chrono::milliseconds pause) {
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(pause.count() * 3 / 4, pause.count())(random_));
}

bool PendingVotes::add(const std::string& uuid, std::string data, Journal::Slot slot,
                       SteadyTime cast) {
  const auto [added, is_new] =
      votes_.emplace(uuid, Vote{.data = std::move(data), .slot = slot, .cast = cast});
  if (!is_new) return false;
  added->second.due = due_.emplace(cast, &*added);
  added->second.time_out = insert_time_out(cast + kAnswerTimeout, &*added);
  return true;
}

// Votes are added almost in the order of their times, so this rarely looks further than the end.
PendingVotes::TimeOuts::iterator PendingVotes::insert_time_out(SteadyTime when, Entry* entry) {
  auto position = time_outs_.end();
  while (position != time_outs_.begin() && std::prev(position)->first > when) --position;
  return time_outs_.emplace(position, when, entry);
}

bool PendingVotes::add_recovered(const std::string& uuid, std::string data, Journal::Slot slot,
                                 SteadyTime now) {
  const auto [added, is_new] =
      votes_.emplace(uuid, Vote{.data = std::move(data), .slot = slot, .was_published = true});
  if (is_new) added->second.due = due_.emplace(now, &*added);
  return is_new;
}

std::optional<PendingVotes::Ended> PendingVotes::end(const std::string& uuid, SteadyTime now) {
  const auto found = votes_.find(uuid);
  if (found == votes_.end()) return std::nullopt;
  const Vote& vote = found->second;
  Ended ended{.slot = vote.slot, .latency = std::nullopt};
  if (vote.cast) ended.latency = now - *vote.cast;
  if (vote.due) due_.erase(*vote.due);
  if (vote.time_out) time_outs_.erase(*vote.time_out);
  votes_.erase(found);
  return ended;
}

std::vector<std::string> PendingVotes::take_timed_out(SteadyTime now) {
  std::vector<std::string> uuids;
  while (!time_outs_.empty() && time_outs_.front().first <= now) {
    auto& [uuid, vote] = *time_outs_.front().second;
    vote.time_out.reset();
    uuids.push_back(uuid);
    time_outs_.pop_front();
  }
  return uuids;
}

std::vector<PendingVotes::Due> PendingVotes::take_due(SteadyTime now, std::size_t most) {
  std::vector<Due> due;
  while (due.size() < most && !due_.empty() && due_.begin()->first <= now) {
    auto& [uuid, vote] = *due_.begin()->second;
    due_.erase(due_.begin());
    vote.due.reset();
    due.push_back({uuid, vote.data});
  }
  return due;
}

void PendingVotes::published(const std::string& uuid, SteadyTime now) {
  const auto found = votes_.find(uuid);
  if (found == votes_.end()) return;  // answered meanwhile
  Vote& vote = found->second;
  if (!vote.was_published) {
    vote.was_published = true;
    set_due(*found, now + kAnswerTimeout);
    return;
  }
  set_due(*found, now + jittered(vote.pause));
  vote.pause = std::min(vote.pause * 2, kMaxRetryPause);
}

void PendingVotes::postpone(const std::string& uuid, SteadyTime when) {
  const auto found = votes_.find(uuid);
  if (found != votes_.end()) set_due(*found, when);
}

void PendingVotes::set_due(Entry& entry, SteadyTime when) {
  Vote& vote = entry.second;
  if (vote.due) due_.erase(*vote.due);
  vote.due = due_.emplace(when, &entry);
}

std::optional<SteadyTime> PendingVotes::next_time_out() const {
  if (time_outs_.empty()) return std::nullopt;
  return time_outs_.front().first;
}

std::optional<SteadyTime> PendingVotes::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace pollbus::voting_machine
