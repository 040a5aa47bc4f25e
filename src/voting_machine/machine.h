#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/latency_histogram.h"
#include "bus/intake.h"
#include "bus/subscriber.h"
#include "election/vote.h"
#include "voting_machine/history.h"
#include "voting_machine/journal.h"
#include "voting_machine/pending_votes.h"
#include "voting_machine/random_voter.h"

namespace pollbus::voting_machine {

struct Load {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  // Votes to cast; absent: until stopped.
  std::optional<std::int64_t> votes;
  // Votes a second; 0: as fast as answers allow.
  double rate = 1;
  // Votes cast and not answered or timed out, at most.
  std::int64_t in_flight = 1;
  // How long after the last vote was cast its answers, and those of all before, are waited for.
  std::chrono::seconds patience{120};
};

// What has become of the votes so far.
struct Tally {
  std::int64_t sent = 0;
  std::int64_t recovered = 0;  // of an earlier run, taken over from the journal
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t rejected = 0;
  std::int64_t pending = 0;
  std::int64_t timed_out = 0;
  std::int64_t unknown_results = 0;  // for votes not pending, or not anymore
  WallTime started{};
  WallTime finished{};  // the last answer
  LatencyHistogram latency;

  std::int64_t answered() const { return successful + already_voted + rejected; }
  double votes_per_second() const;
};

// Casts votes and waits for their answers (docs/message-flow.md): each is in the journal before it
// is published, and stays there until an answer ends it. Borrows all parts. `run` is called once,
// `erase_answered` not while it runs, `on_results` by the bus's thread, `tally` by any.
class Machine {
 public:
  struct Parts {
    Journal& journal;
    Intake::Parts bus;
    Clock& clock;
    prometheus::Registry& metrics;
    // Where a person reads what is sent and received; null for none.
    std::ostream* lines = nullptr;
    // Told everything as it happens; null for nobody.
    History* history = nullptr;
    // Of the jitter between retries.
    std::uint32_t seed = std::random_device{}();
  };
  // What run() is to do after a step: end, or go on at `wake`, or earlier when there are more
  // answers than these.
  struct Next {
    bool done = false;
    SteadyTime wake;
    std::int64_t answers = 0;
  };

  Machine(Parts parts, Load load, RandomVoter voter);

  // Casts the load and waits for the answers, the patience or a stop. Errors are the journal's:
  // no vote is cast that could not be kept.
  absl::Status run(std::stop_token stop);

  // One round of run(), which does what there is to do now and waits for nothing but the bus.
  absl::StatusOr<Next> step(std::stop_token stop);

  // Erases answered votes from the journal; for the answers that come in after run().
  absl::Status erase_answered();

  std::vector<Verdict> on_results(std::span<const ReceivedMessage> batch, std::stop_token stop);

  Tally tally() const;

 private:
  // What to do now, and then.
  struct Plan {
    std::vector<Journal::Slot> settled;  // to be erased
    std::vector<std::string> again;      // to be published again
    std::size_t new_votes = 0;
    Next next;
  };

  Plan plan();
  SteadyTime wake_at(SteadyTime now) const;
  absl::Status cast(std::size_t count, std::vector<Message>& out);
  void publish(const std::vector<Message>& out, std::stop_token stop);
  absl::Status erase(const std::vector<Journal::Slot>& slots);
  void wait_for_last_answers();
  std::size_t may_cast(SteadyTime now) const;
  bool all_cast() const { return load_.votes && tally_.sent >= *load_.votes; }
  void recover();
  void on_result(const Result& result);
  void print(const std::string& line);

  Parts parts_;
  Intake intake_;
  const Load load_;
  RandomVoter voter_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  PendingVotes pending_;
  Tally tally_;
  std::vector<Journal::Slot> settled_;  // answered, and still in the journal
  SteadyTime next_cast_;
  std::optional<SteadyTime> give_up_;
};

}  // namespace pollbus::voting_machine
