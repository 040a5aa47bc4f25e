#include "voting_machine/pending_votes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pollbus::voting_machine {

std::chrono::milliseconds PendingVotes::jittered(std::chrono::milliseconds pause) {
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(pause.count() * 3 / 4, pause.count())(random_));
}

// Returns nothing if the UUID is pending already.
PendingVotes::Vote* PendingVotes::add_vote(const std::string& uuid, std::string data,
                                           Journal::Slot slot, SteadyTime due) {
  const auto [added, is_new] = votes_.try_emplace(uuid);
  if (!is_new) return nullptr;
  Vote& vote = added->second;
  vote.uuid = &added->first;
  vote.data = std::move(data);
  vote.slot = slot;
  set_due(vote, due);
  return &vote;
}

bool PendingVotes::add(const std::string& uuid, std::string data, Journal::Slot slot,
                       SteadyTime cast) {
  Vote* const vote = add_vote(uuid, std::move(data), slot, cast);
  if (vote == nullptr) return false;
  vote->cast = cast;
  set_time_out(*vote, cast + kAnswerTimeout);
  return true;
}

bool PendingVotes::add_recovered(const std::string& uuid, std::string data, Journal::Slot slot,
                                 SteadyTime now) {
  Vote* const vote = add_vote(uuid, std::move(data), slot, now);
  if (vote == nullptr) return false;
  vote->was_published = true;
  return true;
}

// Votes are added almost in the order of their times, so this rarely looks further than the end.
void PendingVotes::set_time_out(Vote& vote, SteadyTime when) {
  auto position = time_outs_.end();
  while (position != time_outs_.begin() && std::prev(position)->time_out > when) --position;
  vote.time_out = when;
  time_outs_.insert(position, vote);
}

std::optional<PendingVotes::Ended> PendingVotes::end(const std::string& uuid, SteadyTime now) {
  const auto found = votes_.find(uuid);
  if (found == votes_.end()) return std::nullopt;
  Vote& vote = found->second;
  Ended ended{.slot = vote.slot, .latency = std::nullopt};
  if (vote.cast) ended.latency = now - *vote.cast;
  if (vote.in_due.is_linked()) due_.erase(due_.iterator_to(vote));
  if (vote.in_time_outs.is_linked()) time_outs_.erase(time_outs_.iterator_to(vote));
  votes_.erase(found);
  return ended;
}

std::vector<std::string> PendingVotes::take_timed_out(SteadyTime now) {
  std::vector<std::string> uuids;
  while (!time_outs_.empty() && time_outs_.front().time_out <= now) {
    uuids.push_back(*time_outs_.front().uuid);
    time_outs_.pop_front();
  }
  return uuids;
}

std::vector<PendingVotes::Due> PendingVotes::take_due(SteadyTime now, std::size_t most) {
  std::vector<Due> due;
  while (due.size() < most && !due_.empty() && due_.begin()->due <= now) {
    const Vote& vote = *due_.begin();
    due.push_back({*vote.uuid, vote.data});
    due_.erase(due_.begin());
  }
  return due;
}

void PendingVotes::published(const std::string& uuid, SteadyTime now) {
  const auto found = votes_.find(uuid);
  if (found == votes_.end()) return;  // answered meanwhile
  Vote& vote = found->second;
  if (!vote.was_published) {
    vote.was_published = true;
    set_due(vote, now + kAnswerTimeout);
    return;
  }
  set_due(vote, now + jittered(vote.pause));
  vote.pause = std::min(vote.pause * 2, kMaxRetryPause);
}

void PendingVotes::postpone(const std::string& uuid, SteadyTime when) {
  const auto found = votes_.find(uuid);
  if (found != votes_.end()) set_due(found->second, when);
}

void PendingVotes::set_due(Vote& vote, SteadyTime when) {
  if (vote.in_due.is_linked()) due_.erase(due_.iterator_to(vote));
  vote.due = when;
  due_.insert(vote);
}

std::optional<SteadyTime> PendingVotes::next_time_out() const {
  if (time_outs_.empty()) return std::nullopt;
  return time_outs_.front().time_out;
}

std::optional<SteadyTime> PendingVotes::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->due;
}

}  // namespace pollbus::voting_machine
