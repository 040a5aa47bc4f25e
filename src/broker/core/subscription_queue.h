#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "broker/core/ack_id.h"
#include "broker/core/batches.h"
#include "broker/core/delivery_rules.h"
#include "broker/core/message.h"
#include "broker/core/ordered_keys.h"

namespace pollbus::broker {

// How much a consumer may hold unacknowledged at a time.
struct FlowLimits {
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  std::int64_t messages = kUnlimited;
  std::int64_t bytes = kUnlimited;
};

struct SubscriptionCounts {
  std::uint64_t matched = 0;    // messages that matched the filter
  std::uint64_t delivered = 0;  // every attempt counts
  std::uint64_t acked = 0;
  std::uint64_t nacked = 0;
  std::uint64_t expired = 0;  // leases that ended without an ack or nack
  std::uint64_t dropped = 0;  // messages that retention has removed before they were acked
};

// Why a consumer is closed.
enum class Closing {
  kAnswered,     // its client has, or may have, all messages that it was given
  kStreamEnded,  // its client may not have read the last ones
};

enum class AckOutcome {
  kAccepted,
  kInvalid,    // the id is stale, or of another subscription
  kUnordered,  // an earlier message with the same ordering key is not acked yet
};

// A message that has used up its attempts.
struct DeadMessage {
  SubscriptionId subscription = 0;
  MessageId message = 0;
};

// Work that queues leave for the core.
struct QueueRequests {
  std::vector<ConsumerId> woken;  // consumers that should call take()
  std::vector<DeadMessage> dead;  // messages to be moved to the dead-letter topic
};

// The backlog of one subscription: the waiting messages, the leases with their deadlines, and the
// consumers that wait for messages. A lease belongs to its message: it lasts until its deadline
// even if its consumer is closed before (but see close()). When the lease of a message with an
// ordering key ends without an ack, the leases and acks of all later messages with that key end
// too. Time is an argument. Only functions that say so scan the backlog. Not thread-safe.
class SubscriptionQueue {
 public:
  // Borrows both pointers. Whether the queue is ordered cannot change later. `start` counts the
  // processes that have used the broker's data; it tells ack ids of earlier processes apart.
  SubscriptionQueue(SubscriptionId id, const DeliveryRules& rules, Batches* batches,
                    QueueRequests* requests, std::uint32_t start = 0);

  void set_rules(const DeliveryRules& rules) { rules_ = rules; }

  void push(const QueuedMessage& message);
  // Adds a message that an earlier process stored; its attempts continue to count.
  void restore(const QueuedMessage& message);
  // Called once after the last restore(). Messages that an earlier process delivered are not
  // delivered again at once. With exactly-once delivery they are leased for `lease` so that their
  // holders can still ack them; with a retry policy they back off. Neither applies to messages with
  // an ordering key.
  void resume(std::chrono::nanoseconds lease, SteadyTime now);

  // A consumer gets nothing and is not woken before its first take().
  void open(ConsumerId consumer, FlowLimits limits);
  // Messages that the consumer has not read are available to others at once. These are messages
  // that it nacked and got again: a client that shuts down nacks what it holds and no longer reads
  // what comes back. If a stream ends, they are also all messages whose lease it has not changed,
  // provided it has extended any lease: the official clients do that with each message as soon as
  // they have read it.
  void close(ConsumerId consumer, Closing closing = Closing::kAnswered);
  std::vector<ConsumerId> consumers() const;

  // Leases messages to the consumer: at most `max_messages` and `max_bytes` (but one message of any
  // size), within its flow limits, and no more than its share if other woken consumers have not
  // taken theirs yet. If it returns none, the consumer is woken when there are some.
  //
  // Messages that arrive together are shared among the consumers that wait. But if the first of
  // them can ack all within kSoon, judged by how fast it has acked lately, it gets all of them: a
  // few large batches cost less than many small ones.
  std::vector<Delivery> take(ConsumerId consumer, std::size_t max_messages, std::size_t max_bytes,
                             std::chrono::nanoseconds lease, SteadyTime now);

  // Takes back deliveries that could not be made; their attempts do not count.
  void give_back(std::span<const Delivery> deliveries);
  // Removes the messages and returns how many. An id of any delivery of a message counts, but with
  // exactly-once delivery or an ordering key only the id of the current lease. `outcomes` may be
  // nullptr; otherwise one entry is appended for each id.
  std::size_t acknowledge(std::span<const AckId> ids, std::vector<AckOutcome>* outcomes = nullptr);
  // Changes the deadlines of current leases. `lease` 0 is a nack.
  void modify_deadline(std::span<const AckId> ids, std::chrono::nanoseconds lease, SteadyTime now,
                       std::vector<AckOutcome>* outcomes = nullptr);
  // Makes messages available whose lease or back-off ends at `now` or earlier.
  void expire(SteadyTime now);
  // When expire() has something to do next, or a little earlier.
  std::optional<SteadyTime> next_deadline() const;

  // The message if it is waiting to be moved to the dead-letter topic, otherwise nullptr.
  const QueuedMessage* dead_message(MessageId id) const;
  // The dead message has been moved: removes it.
  void bury(MessageId id);
  // The dead message cannot be moved: delivers it again.
  void revive(MessageId id);

  // Forgets everything because the subscription is being deleted or detached.
  void abandon_all();
  // Removes messages that were published earlier and are not leased; returns how many. Scans the
  // messages that were delivered and are not acked.
  std::size_t drop_published_before(std::int64_t published_us);
  // Removes all messages for which `stays` is false, leased ones too, and adds others. All leases
  // end, and earlier ack ids become invalid. Scans the whole backlog.
  void seek(const std::function<bool(const QueuedMessage&)>& stays,
            const std::vector<QueuedMessage>& added);
  // Calls `visit` for each message. Scans the whole backlog.
  template <typename Visit>
  void visit(Visit visit) const {
    for (const QueuedMessage& message : fresh_) visit(message);
    if (keys_) keys_->visit(visit);
    for (const auto& [id, delivered] : delivered_) {
      if (key_of(delivered.message) == 0) visit(delivered.message);
    }
  }

  // The oldest messages, at most `most`. Scans the whole backlog.
  std::vector<QueuedMessage> oldest(std::size_t most) const;
  bool is_leased(MessageId id) const;

  std::size_t backlog() const {
    return fresh_.size() + delivered_.size() + (keys_ ? keys_->size() - delivered_keyed_ : 0);
  }
  std::size_t leased() const { return leased_count_; }
  const SubscriptionCounts& counts() const { return counts_; }
  bool has_consumers() const { return !consumers_.empty(); }
  // The publish time of the oldest unacknowledged message, in microseconds since 1970. Scans the
  // messages that were delivered and are not acked.
  std::optional<std::int64_t> oldest_published_us() const;

 private:
  static constexpr ConsumerId kNobody = 0;
  static constexpr std::chrono::milliseconds kSoon{100};

  enum class Consuming {
    kBusy,     // will call take() without being woken
    kWoken,    // was woken and has not called take() yet
    kIdle,     // waits for messages
    kBlocked,  // waits until its flow limits allow more
  };
  struct Consumer {
    bool has_credit() const { return messages < limits.messages && bytes < limits.bytes; }
    bool has_credit_for(std::size_t size) const {
      return messages < limits.messages &&
             (messages == 0 || static_cast<std::int64_t>(size) <= limits.bytes - bytes);
    }

    FlowLimits limits;
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    Consuming state = Consuming::kBusy;
    std::size_t portion = 1;  // what it can ack in kSoon, at its rate in the last period
    std::size_t acked = 0;    // in this period
    SteadyTime period_begin;
    bool has_nacked = false;
    bool has_extended = false;  // the lease of a message
  };
  // A message that was delivered at least once and is not acked.
  struct Delivered {
    enum class State : std::uint8_t {
      kReturned,  // may be delivered again (with an ordering key: when it is its turn)
      kLeased,
      kDelayed,  // backs off until its deadline
      kAcked,    // has an ordering key and was acked before an earlier message of that key
      kDead,     // is being moved to the dead-letter topic
    };

    QueuedMessage message;
    std::uint32_t attempt = 0;  // as in ack ids: counted from attempt_base_
    State state = State::kReturned;
    ConsumerId consumer = kNobody;   // kNobody: the holder got it from an earlier process
    ConsumerId nacked_by = kNobody;  // the consumer whose nack ended the last lease
    bool is_extended = false;        // its holder has changed the deadline of this lease
    SteadyTime deadline;
    SteadyTime scheduled;  // its valid entry in deadlines_
  };
  struct Deadline {
    SteadyTime at;
    MessageId message;
    bool operator>(const Deadline& other) const { return at > other.at; }
  };

  using State = Delivered::State;
  using DeliveredMap = absl::flat_hash_map<MessageId, Delivered>;
  // The places from which the next message can come. They take turns, so that none starves.
  enum class Source { kReturned, kFresh, kKeys };
  static constexpr int kSources = 3;
  static Source after(Source source) {
    return static_cast<Source>((static_cast<int>(source) + 1) % kSources);
  }

  std::size_t available() const {
    return fresh_.size() + returned_count_ + (keys_ ? keys_->available() : 0);
  }
  // The message's ordering key; 0 when it has none or the queue is not ordered.
  OrderingKey key_of(const QueuedMessage& message) const {
    return keys_ ? message.batch->key(message.position) : 0;
  }
  // The message to deliver next; nullptr when there is none.
  const QueuedMessage* next_available();
  const QueuedMessage* next_of(Source source);
  Delivered* take_next();
  Delivery lease_next(ConsumerId consumer, SteadyTime deadline);
  void schedule(Delivered* delivered, SteadyTime at);
  void drop_stale_deadlines();

  bool is_of_current_lease(const AckId& id, const Delivered& delivered) const;
  Delivered* find_lease(const AckId& id);
  AckOutcome acknowledge(const AckId& id);
  AckOutcome acknowledge_in_order(MessageId id, Delivered* delivered, OrderingKey key);
  void finish_acked(OrderingKey key);
  // Ends a lease without an ack: the message is delivered again, backs off, or is dead.
  void give_up(MessageId id, Delivered* delivered, SteadyTime now);
  void nack(MessageId id, Delivered* delivered, SteadyTime now);
  void return_unread(ConsumerId consumer, bool confirms_reading);
  void drop_waiting_keyed(const std::function<bool(const QueuedMessage&)>& is_old);
  // With an ordering key: this message and all later ones in flight wait again.
  void take_back_behind(MessageId id, const QueuedMessage& message);
  void end_lease(Delivered* delivered);
  void make_available(MessageId id, Delivered* delivered);
  void erase(DeliveredMap::iterator delivered);
  void give_credit_back(const Delivered& delivered);
  void wake_idle();
  void stop_waiting(ConsumerId consumer, Consumer* state);
  static void measure(Consumer* consumer, SteadyTime now);

  const SubscriptionId id_;
  const std::uint32_t start_;
  DeliveryRules rules_;
  Batches* batches_;
  QueueRequests* requests_;
  std::deque<QueuedMessage> fresh_;  // never delivered, without ordering keys
  std::optional<OrderedKeys> keys_;  // only if ordered: all messages with keys, delivered or not
  DeliveredMap delivered_;
  std::size_t delivered_keyed_ = 0;  // those in delivered_ that have an ordering key
  std::size_t leased_count_ = 0;
  std::deque<MessageId> returned_;  // to be delivered again; entries in another state are skipped
  std::size_t returned_count_ = 0;  // entries of returned_ that are not skipped
  Source source_ = Source::kReturned;
  std::uint32_t attempt_base_ = 0;   // ack ids up to this attempt are from before the last seek
  std::vector<Deadline> deadlines_;  // a heap, the earliest first; stale entries are skipped
  absl::flat_hash_map<ConsumerId, Consumer> consumers_;
  std::deque<ConsumerId> idle_;  // woken in this order
  std::size_t claimants_ = 0;    // consumers in the state kWoken
  std::size_t claimed_ = 0;      // the sum of their portions
  SubscriptionCounts counts_;
};

}  // namespace pollbus::broker
