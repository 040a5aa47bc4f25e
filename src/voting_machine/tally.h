#pragma once

#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "base/latency_histogram.h"
#include "voting_machine/vote_observer.h"

namespace pollbus::voting_machine {

// How many votes there are and what became of them.
struct Tally {
  std::int64_t sent = 0;       // cast by this run
  std::int64_t recovered = 0;  // left in the journal by an earlier run
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t rejected = 0;
  std::int64_t timed_out = 0;
  std::int64_t unknown_results = 0;  // answers to votes that were not pending
  WallTime started{};
  WallTime finished{};  // of the last answer
  LatencyHistogram latency;

  std::int64_t answered() const { return successful + already_voted + rejected; }
  std::int64_t pending() const { return sent + recovered - answered(); }
  double votes_per_second() const;
};

// Keeps the tally of a VoteClient. Thread-safe.
class TallyKeeper final : public VoteObserver {
 public:
  explicit TallyKeeper(Clock& clock);

  Tally tally() const;

  void recovered(std::span<const SubmittedVote> votes) override;
  void kept(std::span<const SubmittedVote> votes) override;
  void timed_out(std::span<const std::string> uuids) override;
  void answered(std::span<const Answer> answers) override;

 private:
  void count(const Answer& answer, WallTime now);

  Clock& clock_;
  mutable std::mutex mutex_;
  Tally tally_;
};

}  // namespace pollbus::voting_machine
