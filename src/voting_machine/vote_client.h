#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <semaphore>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/readiness.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/message_keys.h"
#include "election/vote.h"
#include "voting_machine/journal.h"
#include "voting_machine/pending_votes.h"
#include "voting_machine/vote_observer.h"

namespace pollbus::voting_machine {

// Casts given votes durably and waits for their answers (docs/message-flow.md). A vote is in the
// journal, on disk, before it is published, and stays there until an answer ends it; until then it
// is published again and again, also by the next process that opens the journal.
//
// The client has no thread of its own. Something must call tend() and deliver(), each from one
// thread at a time (VoteClientThreads does), and on_results() from the subscriber. Everything else
// is thread-safe. Borrows all parts.
class VoteClient {
 public:
  struct Parts {
    Journal& journal;
    Outbox::Parts bus;
    Clock& clock;
    Readiness& readiness;
    prometheus::Registry& metrics;
    MachineKeys keys;
    // Seeds the jitter of the pauses between retries.
    std::uint32_t seed = std::random_device{}();
    // Called with each message to this machine that is not a valid answer to a vote. Returns
    // whether it has used the message; if not, the message is rejected.
    std::function<bool(const ReceivedMessage&)> other_answers = nullptr;
  };
  // Pending votes beyond which cast() fails, so that a bus that is away fills neither memory nor
  // disk.
  static constexpr std::size_t kMaxPending = 500'000;
  static constexpr std::size_t kMaxBatchVotes = 1'000;

  // Takes over the votes in the journal; the first deliver() publishes them again.
  VoteClient(Parts parts, std::int64_t machine);

  // Adds an observer, borrowed, and tells it which votes were recovered. Call before any other
  // method.
  void add_observer(VoteObserver& observer);

  // Returns OK once the votes are on disk; they are published by deliver(). All votes or none:
  // ALREADY_EXISTS if a vote with this UUID is pending, RESOURCE_EXHAUSTED beyond kMaxPending,
  // INVALID_ARGUMENT if a vote is another machine's or does not fit into the journal. Any other
  // error is the journal's: the votes may be on disk or not, none of them is published, and later
  // casts fail too.
  absl::Status cast(std::span<const SubmittedVote> votes);
  absl::Status cast(const SubmittedVote& vote) { return cast(std::span(&vote, 1)); }

  // Announces time-outs and erases answered votes from the journal. Never waits for the bus.
  // Returns when to call it again, if no answer comes first. Errors are the journal's.
  absl::StatusOr<SteadyTime> tend();

  // Publishes the votes that are due, waiting for the bus until it takes them or a stop is
  // requested. Returns when to call it again, if no vote is cast first.
  SteadyTime deliver(std::stop_token stop);

  // Handles a batch of messages from this machine's subscription.
  std::vector<Verdict> on_results(std::span<const ReceivedMessage> batch, std::stop_token stop);

  // Votes without an answer, and those among them that have not timed out.
  std::size_t pending() const;
  std::size_t in_flight() const;

  // Block until the step has work before `wake`, or `wake`, or a stop.
  void wait_to_tend(SteadyTime wake, std::stop_token stop);
  void wait_to_deliver(SteadyTime wake, std::stop_token stop);
  // Blocks until no vote is in flight, or `deadline`.
  void wait_for_answers(SteadyTime deadline);

 private:
  struct JournalTurn {
    explicit JournalTurn(std::binary_semaphore& its_turn) : turn(its_turn) { turn.acquire(); }
    ~JournalTurn() { turn.release(); }
    JournalTurn(const JournalTurn&) = delete;
    JournalTurn& operator=(const JournalTurn&) = delete;
    std::binary_semaphore& turn;
  };

  void recover();
  absl::Status check(std::span<const SubmittedVote> votes) const;
  absl::StatusOr<std::vector<Journal::Slot>> keep(std::span<const std::string> data);
  absl::Status add(std::span<const SubmittedVote> votes, std::vector<std::string> data,
                   const std::vector<Journal::Slot>& slots, SteadyTime now);
  absl::Status erase(std::span<const Journal::Slot> slots);
  void publish(std::span<const PendingVotes::Due> votes, std::span<const Message> messages,
               std::stop_token stop);
  void reschedule(std::span<const PendingVotes::Due> votes, bool is_published);
  void report_refused(const absl::Status& status);
  void end_votes(std::span<Answer> answers);

  Parts parts_;
  const std::int64_t machine_;
  Outbox outbox_;
  InboundCheck inbound_;
  prometheus::Counter& refused_;
  std::vector<VoteObserver*> observers_;
  std::vector<SubmittedVote> recovered_;

  // Held while the journal is used, also while the disk works; a semaphore, so that a simulation
  // may run other fibers of the same thread meanwhile. Never taken while mutex_ is held.
  std::binary_semaphore journal_turn_{1};
  absl::Status journal_status_;  // guarded by journal_turn_: the first error

  mutable std::mutex mutex_;
  std::condition_variable_any due_;       // a vote may be due earlier than expected
  std::condition_variable_any answered_;  // votes were answered
  PendingVotes pending_;
  std::vector<Journal::Slot> to_erase_;  // answered, still in the journal
};

}  // namespace pollbus::voting_machine
