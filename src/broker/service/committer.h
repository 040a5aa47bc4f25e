#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "broker/core/publication.h"
#include "broker/service/broker_metrics.h"
#include "broker/store/store.h"

namespace pollbus::broker {

// Called once, on any thread, without any lock.
using Done = std::function<void(const absl::Status&)>;

// Group commit: one thread writes what all publishes and changes waiting at that moment come to, in
// one synced write, and another lets the messages out and answers, while the first is at the next
// write. What nobody waits for (acks, attempts) is written kLazyCommitDelay_ms later at the latest.
// When the disk refuses, everybody is answered UNAVAILABLE until reopening the store helps.
class Committer {
 public:
  // A publish, or with no publication a change that is in the notes, and who waits for it.
  struct Waiting {
    Publication publication;
    std::size_t bytes = 0;
    Done done;
    // It is not done before all that the core has told until now is on disk, however much.
    bool needs_all_notes = false;
  };
  struct Hooks {
    // Lets out and answers what is on disk. Called on the second thread, without the lock.
    std::function<void(std::vector<Waiting>)> settle;
    std::function<MessageId()> next_message_id;
    // The store does not work any more, or does again.
    std::function<void(const absl::Status&)> on_storage;
  };

  // Borrows store, lock (the core's), clock and metrics.
  Committer(Store& store, std::mutex& lock, Clock& clock, BrokerMetrics& metrics, Hooks hooks);
  // Writes what is left, once.
  ~Committer();

  // The following are called under the lock.

  // The core's observer.
  Notes& notes() { return notes_; }
  // UNAVAILABLE while the store does not work, RESOURCE_EXHAUSTED when too much waits for it.
  absl::Status admit() const;
  void submit(Waiting waiting);
  // A publication that is to be in the same write as the notes that the core has just made: both
  // are on disk, or neither. When it fails, `done` is to have the core note what holds then.
  void submit_with_notes(Waiting waiting);
  // To be called when the notes may have got something.
  void see_notes();

 private:
  struct Round {
    std::vector<Change> changes;
    std::vector<Waiting> waiting;
  };

  void run_writer(std::stop_token stop);
  bool wait_for_work(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  bool is_waited_for() const { return !waiting_.empty() || !bound_.empty(); }
  Round take_round();
  absl::Status write(const Round& round);
  // False when it was stopped before the store worked again.
  bool recover(Round round, const absl::Status& trouble, std::stop_token stop);
  void append_notes(std::vector<Change>* changes);
  void hand_over(std::vector<Waiting> waiting);
  void run_settler(std::stop_token stop);

  Store& store_;
  std::mutex& mutex_;
  Clock& clock_;
  BrokerMetrics& metrics_;
  Hooks hooks_;

  // Under the core's lock.
  Notes notes_;
  std::deque<Waiting> waiting_;
  std::vector<Waiting> bound_;  // to the notes
  std::size_t waiting_bytes_ = 0;
  std::optional<SteadyTime> lazy_due_;  // when the notes are to be written
  absl::Status trouble_;
  std::condition_variable_any work_;

  std::mutex settling_mutex_;  // never held together with the core's
  std::deque<std::vector<Waiting>> settling_;
  std::condition_variable_any settling_changed_;

  std::jthread settler_;
  std::jthread writer_;  // last: it uses all of the above
};

}  // namespace pollbus::broker
