#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/core.h"
#include "broker/service/broker_metrics.h"

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

// The core behind one lock, with a clock, a timer and the consumers it wakes. Thread-safe. Lock
// order: a consumer's own lock is never held while the broker is called.
class Broker {
 public:
  // Borrows `clock` and `metrics`.
  Broker(CoreOptions options, Clock& clock, BrokerMetrics* metrics);
  ~Broker();

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

  absl::Status publish(const std::string& topic, std::span<const IncomingMessage> messages);
  // Ids for `count` messages, growing; the first is returned.
  MessageId reserve_message_ids(std::size_t count);

  absl::StatusOr<ConsumerHandle> open_consumer(const std::string& subscription, FlowLimits limits,
                                               std::shared_ptr<Consumer> consumer);
  void close_consumer(ConsumerHandle handle);
  absl::StatusOr<std::vector<Delivery>> take(ConsumerHandle handle, std::size_t max_messages,
                                             std::size_t max_bytes,
                                             std::optional<std::chrono::seconds> lease,
                                             WakeList* woken);
  static void wake(WakeList woken);

  // Ends every consumer with UNAVAILABLE and lets none in any more.
  void shut_down();

  Clock& clock() { return clock_; }

 private:
  void after_core_call(WakeList* woken);
  void run_timer(std::stop_token stop);
  std::optional<SteadyTime> next_timer_event() const;
  std::vector<BrokerMetrics::Change> take_changes();

  Clock& clock_;
  BrokerMetrics* metrics_;
  Journal journal_;  // nothing is kept
  std::atomic<MessageId> next_message_id_;

  std::mutex mutex_;
  Core core_;
  absl::flat_hash_map<ConsumerId, std::shared_ptr<Consumer>> consumers_;
  bool is_shut_down_ = false;
  SteadyTime metrics_due_;
  bool metrics_pending_ = false;
  SteadyTime timer_event_ = SteadyTime::max();  // what the timer waits for
  std::condition_variable_any timer_;
  std::jthread timer_thread_;  // last: it uses all of the above
};

}  // namespace pollbus::broker
