#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/core.h"
#include "broker/service/broker_metrics.h"
#include "broker/service/committer.h"

namespace pollbus::broker {

class Consumer;
// Consumers that are to be woken once no lock is held.
using WakeList = std::vector<std::shared_ptr<Consumer>>;

// A stream or a waiting pull as the broker sees it. Called on any thread, without the broker's
// lock.
class Consumer {
 public:
  virtual ~Consumer() = default;
  // There may be something to take(). Consumers that this wakes in turn are appended to `woken`
  // rather than woken from here, so that a long chain of them does not nest.
  virtual void wake(WakeList* woken) = 0;
  // The broker wants it to end.
  virtual void end(const absl::Status& status) = 0;
};

// Called once with what became of each ack id, or of none when that does not matter.
using AckDone = std::function<void(const absl::Status&, const std::vector<AckOutcome>&)>;

// Where a broker keeps its data.
struct Storage {
  Store* store = nullptr;  // borrowed; nullptr: in memory only
  // Called on any thread when the store stops working, and with OK when it works again.
  std::function<void(const absl::Status&)> on_change = [](const absl::Status&) {};
};

// The core behind one lock, with a clock, a timer and the consumers it wakes, and with a store in
// front of it when there is one. Thread-safe. Lock order: a consumer's own lock is never held while
// the broker is called.
class Broker {
 public:
  // Borrows `clock` and `metrics`.
  Broker(CoreOptions options, Clock& clock, BrokerMetrics* metrics, Storage storage = {});
  ~Broker();

  // What the store has kept. Before anything else.
  absl::Status restore();

  // Calls `use(Core&)` under the lock, then wakes whoever has got something to do.
  template <typename Use>
  auto with_core(Use use) {
    WakeList woken;
    auto result = [&] {
      const std::lock_guard lock(mutex_);
      auto value = use(core_);
      after_core_call(&woken);
      return value;
    }();
    wake(std::move(woken));
    return result;
  }

  // with_core() for what must outlive the process before it is answered: `done` is called with
  // what `use(Core&)` returns, when it is OK after that is on disk. See Committer::Waiting.
  template <typename Use>
  void change(Use use, Done done, bool needs_all_notes = false) {
    WakeList woken;
    absl::Status status;
    {
      const std::lock_guard lock(mutex_);
      status = admit();
      if (status.ok()) status = use(core_);
      after_core_call(&woken);
      if (status.ok() && committer_) {
        committer_->submit(
            {.done = std::exchange(done, nullptr), .needs_all_notes = needs_all_notes});
      }
    }
    wake(std::move(woken));
    if (done != nullptr) done(status);
  }
  // Calls `done` when the messages are on disk for all that they go to.
  void publish(const std::string& topic, const IncomingBatch& incoming, Done done);
  // Ids for `count` messages, growing; the first is returned.
  MessageId reserve_message_ids(std::size_t count);

  // Sets `handle`, which belongs to the consumer, before the consumer can be woken.
  absl::Status open_consumer(const std::string& subscription, FlowLimits limits,
                             std::shared_ptr<Consumer> consumer,
                             std::optional<ConsumerHandle>* handle);
  void close_consumer(ConsumerHandle handle);
  absl::StatusOr<std::vector<Delivery>> take(ConsumerHandle handle, std::size_t max_messages,
                                             std::size_t max_bytes,
                                             std::optional<std::chrono::seconds> lease,
                                             WakeList* woken,
                                             SubscriptionProperties* properties = nullptr);
  // With exactly-once delivery `done` is called with an outcome for each id when that is on disk;
  // otherwise at once, with none.
  void acknowledge(const std::string& subscription, std::span<const AckId> ids, AckDone done);
  void modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                       std::chrono::seconds lease, const AckDone& done);
  // `done` is called when what the seek comes to is on disk.
  void seek(const std::string& subscription, const SeekTarget& target, Done done);
  static void wake(WakeList woken);

  // Ends every consumer with UNAVAILABLE and lets none in any more; returns how many there were.
  std::size_t shut_down();

  Clock& clock() { return clock_; }

 private:
  // Dead letters that are being written at a time.
  static constexpr std::size_t kMaxDeadLettersOnWay = 16;

  absl::Status admit() const { return committer_ ? committer_->admit() : absl::OkStatus(); }
  CoreObserver* observer();
  void settle(std::vector<Committer::Waiting> settled);
  void report(std::span<const Removal> removals);
  // False when some could not be read, which are taken back.
  bool read_bodies(ConsumerHandle handle, std::vector<Delivery>* deliveries);
  void after_core_call(WakeList* woken);
  absl::StatusOr<absl::flat_hash_set<MessageId>> let_through(const ReplayCandidates& candidates);
  absl::StatusOr<Body> body_of(const Delivery& message);
  void forward_dead_letters(std::unique_lock<std::mutex>& lock);
  void forward(const DeadLetter& letter);
  void exhume(const DeadLetter& letter);
  std::int64_t wall_us() const;
  void run_timer(std::stop_token stop);
  std::optional<SteadyTime> next_timer_event() const;

  Clock& clock_;
  BrokerMetrics* metrics_;
  Storage storage_;
  CoreObserver keeps_nothing_;
  std::atomic<MessageId> next_message_id_;

  std::mutex mutex_;
  std::optional<Committer> committer_;  // only with a store
  Core core_;
  absl::flat_hash_map<ConsumerId, std::shared_ptr<Consumer>> consumers_;
  bool is_shut_down_ = false;
  SteadyTime dead_letters_at_ = SteadyTime::min();  // not before
  std::size_t dead_letters_on_way_ = 0;
  SteadyTime timer_event_ = SteadyTime::max();  // what the timer waits for
  std::condition_variable_any timer_;
  std::jthread timer_thread_;  // last: it uses all of the above
};

}  // namespace pollbus::broker
