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

// Called once, on any thread, while no lock is held.
using Done = std::function<void(const absl::Status&)>;

// Group commit. One thread writes all publishes and changes that are waiting at that moment, in one
// synced write. A second thread then releases the messages to consumers and answers the callers,
// while the first thread is at the next write. Changes that no caller waits for (acks, delivery
// attempts) are written within kLazyCommitDelay. While the disk refuses writes, every caller gets
// UNAVAILABLE, until the store could be reopened.
class Committer {
 public:
  // A publish, or without a publication a change that is in the notes, and the caller's callback.
  struct Waiting {
    Publication publication;
    std::size_t bytes = 0;
    Done done;
    // Also wait until everything that the core has noted so far is on disk, however much that is.
    bool needs_all_notes = false;
  };
  struct Hooks {
    // Releases the messages that are on disk, and answers. Called on the second thread, without the
    // lock.
    std::function<void(std::vector<Waiting>)> release;
    std::function<MessageId()> next_message_id;
    // Called with an error when the store stops working, and with OK when it works again.
    std::function<void(const absl::Status&)> on_storage;
  };

  // Borrows everything but the hooks. `lock` is the one that guards the core.
  Committer(Store& store, std::mutex& lock, Clock& clock, BrokerMetrics& metrics, Hooks hooks);
  // Writes what is left, once.
  ~Committer();

  // The following must be called under the lock.

  // The core's observer.
  Notes& notes() { return notes_; }
  // UNAVAILABLE while the store does not work, RESOURCE_EXHAUSTED while too many bytes wait for it.
  absl::Status admit() const;
  void submit(Waiting waiting);
  // Submits a publication that must be in the same write as the notes that the core has just made,
  // so that both are on disk or neither is. If the write fails, `done` must make the core note the
  // state that holds then.
  void submit_with_notes(Waiting waiting);
  // Must be called when the core may have added to the notes.
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
  // Returns false when it was stopped before the store worked again.
  bool recover(Round round, const absl::Status& trouble, std::stop_token stop);
  void append_notes(std::vector<Change>* changes);
  void hand_over(std::vector<Waiting> waiting);
  void run_releaser(std::stop_token stop);

  Store& store_;
  std::mutex& mutex_;
  Clock& clock_;
  BrokerMetrics& metrics_;
  Hooks hooks_;

  // Guarded by the core's lock.
  Notes notes_;
  std::deque<Waiting> waiting_;
  std::vector<Waiting> bound_;  // must be in the same write as the notes
  std::size_t waiting_bytes_ = 0;
  std::optional<SteadyTime> lazy_due_;  // when the notes must be written
  absl::Status trouble_;
  std::condition_variable_any work_;

  std::mutex release_mutex_;  // never held together with the core's
  std::deque<std::vector<Waiting>> written_;
  std::condition_variable_any release_changed_;

  std::jthread releaser_;
  std::jthread writer_;  // last: it uses all of the above
};

}  // namespace pollbus::broker
