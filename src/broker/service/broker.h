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
// Consumers to wake as soon as no lock is held.
using WakeList = std::vector<std::shared_ptr<Consumer>>;

// A stream, a waiting pull or a push subscription, as the broker sees it. Its methods are called on
// any thread, without the broker's lock.
class Consumer {
 public:
  virtual ~Consumer() = default;
  // There may be something to take(). If that wakes other consumers, they must be appended to
  // `woken` instead of being woken from here: a long chain of calls could overflow the stack.
  virtual void wake(WakeList* woken) = 0;
  // Must end the stream or pull with `status`.
  virtual void end(const absl::Status& status) = 0;
};

// Called once. The outcomes are those of the ack ids in their order, or empty where the
// subscription does not need them.
using AckDone = std::function<void(const absl::Status&, const std::vector<AckOutcome>&)>;

// Where a broker stores its data.
struct Storage {
  Store* store = nullptr;  // borrowed; nullptr: in memory only
  // Called on any thread when the store stops working, and with OK when it works again.
  std::function<void(const absl::Status&)> on_change = [](const absl::Status&) {};
};

// Makes the core a running broker: guards it with one lock, gives it the time, wakes consumers, and
// stores what must be durable before it is answered. Thread-safe. Lock order: a consumer must not
// hold its own lock while it calls the broker.
class Broker {
 public:
  // Borrows `clock` and `metrics`.
  Broker(CoreOptions options, Clock& clock, BrokerMetrics* metrics, Storage storage = {});
  ~Broker();

  // `expired` is called with the name of each subscription and snapshot that expires, under the
  // lock; so it must not call the broker.
  void on_expiry(std::function<void(const std::string&)> expired);

  // Loads what is stored. Must be called before anything else.
  absl::Status restore();

  // Calls `use(Core&)` under the lock, then wakes the consumers that have something to take.
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

  // Like with_core(), for changes that must be on disk before they are answered: `done` is called
  // with the status that `use(Core&)` returns, and if that is OK, only after the change was
  // written. For `needs_all_notes` see Committer::Waiting.
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
  // Calls `done` when the messages are on disk for all subscriptions that they match.
  void publish(const std::string& topic, const IncomingBatch& incoming, Done done);
  // Reserves `count` consecutive ids, greater than all before, and returns the first.
  MessageId reserve_message_ids(std::size_t count);

  // Sets `handle`, which belongs to the consumer, before the consumer can be woken.
  absl::Status open_consumer(const std::string& subscription, FlowLimits limits,
                             const std::shared_ptr<Consumer>& consumer,
                             std::optional<ConsumerHandle>* handle);
  void close_consumer(ConsumerHandle handle, Closing closing = Closing::kAnswered);
  absl::StatusOr<std::vector<Delivery>> take(ConsumerHandle handle, std::size_t max_messages,
                                             std::size_t max_bytes,
                                             std::optional<std::chrono::seconds> lease,
                                             WakeList* woken,
                                             SubscriptionProperties* properties = nullptr);
  // With exactly-once delivery, `done` is called with an outcome for each id when the acks are on
  // disk; otherwise at once, without outcomes.
  void acknowledge(const std::string& subscription, std::span<const AckId> ids, AckDone done);
  void modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                       std::chrono::seconds lease, const AckDone& done);
  // Calls `done` when the result of the seek is on disk.
  void seek(const std::string& subscription, const SeekTarget& target, Done done);
  // Calls `visit` for the oldest messages that the subscription has not acked, at most `most`, with
  // their bodies. Changes nothing: no message is leased, and no attempt counts. NOT_FOUND, or the
  // errors of Store::load().
  absl::Status peek(const std::string& subscription, std::size_t most,
                    const std::function<void(const PeekedMessage&)>& visit);
  static void wake(WakeList woken);

  // Ends every consumer with UNAVAILABLE and refuses new ones. Returns how many there were.
  std::size_t shut_down();

  Clock& clock() { return clock_; }

 private:
  // Dead letters that are being written at the same time.
  static constexpr std::size_t kMaxDeadLettersOnWay = 16;

  absl::Status admit() const { return committer_ ? committer_->admit() : absl::OkStatus(); }
  CoreObserver* observer();
  void release(std::vector<Committer::Waiting> written);
  void report(std::span<const Removal> removals);
  // Returns false when some bodies could not be read; their messages go back to the subscription.
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
  std::optional<Committer> committer_;  // std::nullopt without a store
  Core core_;
  absl::flat_hash_map<ConsumerId, std::shared_ptr<Consumer>> consumers_;
  std::function<void(const std::string&)> expired_ = [](const std::string&) {};
  bool is_shut_down_ = false;
  SteadyTime dead_letters_at_ = SteadyTime::min();  // no dead letter is forwarded before
  std::size_t dead_letters_on_way_ = 0;
  SteadyTime timer_event_ = SteadyTime::max();  // what the timer waits for
  std::condition_variable_any timer_;
  std::jthread timer_thread_;  // last: it uses all of the above
};

}  // namespace pollbus::broker
