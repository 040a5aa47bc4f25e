#include "voting_machine/tally.h"

#include <chrono>

namespace pollbus::voting_machine {

double Tally::votes_per_second() const {
  const std::chrono::duration<double> took = finished - started;
  return took.count() > 0 ? static_cast<double>(answered()) / took.count() : 0;
}

TallyKeeper::TallyKeeper(Clock& clock) : clock_(clock) {
  tally_.started = tally_.finished = clock.wall_now();
}

Tally TallyKeeper::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

void TallyKeeper::recovered(std::span<const SubmittedVote> votes) {
  const std::lock_guard lock(mutex_);
  tally_.recovered += std::ssize(votes);
}

void TallyKeeper::kept(std::span<const SubmittedVote> votes) {
  const std::lock_guard lock(mutex_);
  tally_.sent += std::ssize(votes);
}

void TallyKeeper::timed_out(std::span<const std::string> uuids) {
  const std::lock_guard lock(mutex_);
  tally_.timed_out += std::ssize(uuids);
}

void TallyKeeper::answered(std::span<const Answer> answers) {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_.wall_now();
  for (const Answer& answer : answers) count(answer, now);
}

void TallyKeeper::count(const Answer& answer, WallTime now) {
  if (!answer.ends_vote) {
    ++tally_.unknown_results;
    return;
  }
  switch (answer.result.outcome) {
    case Outcome::kSuccessful:
      ++tally_.successful;
      break;
    case Outcome::kAlreadyVoted:
      ++tally_.already_voted;
      break;
    case Outcome::kRejected:
      ++tally_.rejected;
      break;
  }
  tally_.finished = now;
  if (answer.latency)
    tally_.latency.record(std::chrono::duration_cast<std::chrono::microseconds>(*answer.latency));
}

}  // namespace pollbus::voting_machine
