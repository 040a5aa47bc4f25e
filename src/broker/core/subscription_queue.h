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

// What a consumer may hold unacked at a time.
struct FlowLimits {
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  std::int64_t messages = kUnlimited;
  std::int64_t bytes = kUnlimited;
};

struct SubscriptionCounts {
  std::uint64_t matched = 0;    // messages that its filter let through
  std::uint64_t delivered = 0;  // every attempt counts
  std::uint64_t acked = 0;
  std::uint64_t nacked = 0;
  std::uint64_t expired = 0;  // leases that nobody acked in time
};

// What became of one ack id.
enum class AckOutcome {
  kAccepted,
  kInvalid,    // stale, or of another subscription
  kUnordered,  // an earlier message of its ordering key is still to be acked
};

// A message that has used up its attempts.
struct DeadMessage {
  SubscriptionId subscription = 0;
  MessageId message = 0;
};

// What a queue asks of others.
struct QueueRequests {
  std::vector<ConsumerId> woken;  // should take() next
  std::vector<DeadMessage> dead;  // are to go to the dead-letter topic
};

// The backlog of one subscription: what waits, what is leased to which consumer until when, and
// which consumers wait for more. A lease belongs to its message, not to its consumer: it outlives
// the consumer until its deadline. Of an ordering key a lease that ends without an ack takes the
// leases and acks of all messages behind it along. Time is an argument; but for the functions that
// say so no operation scans the backlog. Not thread-safe.
class SubscriptionQueue {
 public:
  // Borrows both. Whether a queue is ordered is settled here.
  SubscriptionQueue(SubscriptionId id, const DeliveryRules& rules, Batches* batches,
                    QueueRequests* requests);

  void set_rules(const DeliveryRules& rules) { rules_ = rules; }

  void push(const QueuedMessage& message);
  // A message of an earlier life of the broker; its attempts go on being counted.
  void restore(const QueuedMessage& message);
  // When all are restored: those that were delivered are leased once more, to nobody, so that who
  // has them may ack them. Those of an ordering key are not.
  void resume_leases(std::chrono::nanoseconds lease, SteadyTime now);

  // A consumer is idle until its first take().
  void open(ConsumerId consumer, FlowLimits limits);
  void close(ConsumerId consumer);
  std::vector<ConsumerId> consumers() const;

  // Leases to the consumer, for `lease`, at most so many messages and bytes (but one message of any
  // size), no more than its flow limits allow, and no more than its share when others are about to
  // take too. When nothing can be had now, the consumer is woken as soon as something can.
  std::vector<Delivery> take(ConsumerId consumer, std::size_t max_messages, std::size_t max_bytes,
                             std::chrono::nanoseconds lease, SteadyTime now);

  // Takes back deliveries that could not be made after all: the attempts do not count.
  void give_back(std::span<const Delivery> deliveries);
  // Removes the messages, whichever delivery the ids are of (with exactly-once delivery, and of an
  // ordering key, only those whose lease is held); returns how many. `outcomes`, one for each id,
  // may be nullptr.
  std::size_t acknowledge(std::span<const AckId> ids, std::vector<AckOutcome>* outcomes = nullptr);
  // Moves the deadline of leases that are still held. `lease` 0 is a nack.
  void modify_deadline(std::span<const AckId> ids, std::chrono::nanoseconds lease, SteadyTime now,
                       std::vector<AckOutcome>* outcomes = nullptr);
  // Makes available again what was leased, or backs off, until `now` or earlier.
  void expire(SteadyTime now);
  // When expire() has something to do, or a little earlier.
  std::optional<SteadyTime> next_deadline() const;

  // A dead message that is still to go; nullptr when there is none any more.
  const QueuedMessage* dead_message(MessageId id) const;
  // It has gone.
  void bury(MessageId id);
  // It cannot go: it is delivered again.
  void revive(MessageId id);

  // The subscription is being deleted or detached.
  void abandon_all();
  // Drops what was published earlier and is not leased. Scans what was delivered and is not acked.
  void drop_published_before(std::int64_t published_us);
  // Drops all messages that `stays` does not hold for, leased ones too, and adds others. All leases
  // end, and ack ids from before do not count any more. Scans the whole backlog.
  void seek(const std::function<bool(const QueuedMessage&)>& stays,
            const std::vector<QueuedMessage>& added);
  // Scans the whole backlog.
  template <typename Visit>
  void visit(Visit visit) const {
    for (const QueuedMessage& message : fresh_) visit(message);
    if (keys_) keys_->visit(visit);
    for (const auto& [id, delivered] : delivered_) {
      if (key_of(delivered.message) == 0) visit(delivered.message);
    }
  }

  std::size_t backlog() const {
    return fresh_.size() + delivered_.size() + (keys_ ? keys_->size() - delivered_keyed_ : 0);
  }
  std::size_t leased() const { return leased_count_; }
  const SubscriptionCounts& counts() const { return counts_; }
  bool has_consumers() const { return !consumers_.empty(); }
  // Of the message that has waited longest for its ack, in microseconds since 1970. Scans what was
  // delivered and is not acked.
  std::optional<std::int64_t> oldest_published_us() const;

 private:
  enum class Consuming {
    kBusy,     // will take() by itself
    kWoken,    // will take() because it was woken
    kIdle,     // waits for messages
    kBlocked,  // waits for its flow limits
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
  };
  // A message that was delivered at least once and not acked.
  struct Delivered {
    enum class State : std::uint8_t {
      kReturned,  // can be delivered again (of an ordering key: when it is its turn)
      kLeased,
      kDelayed,  // backs off until its deadline
      kAcked,    // of an ordering key: before a message in front of it
      kDead,     // is being moved to the dead-letter topic
    };

    QueuedMessage message;
    std::uint32_t attempt = 0;  // as ack ids have it: counted from attempt_base_
    State state = State::kReturned;
    ConsumerId consumer = 0;
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
  // Where the next message comes from: they take turns, so that none starves.
  enum class Source { kReturned, kFresh, kKeys };
  static constexpr int kSources = 3;
  static Source after(Source source) {
    return static_cast<Source>((static_cast<int>(source) + 1) % kSources);
  }

  std::size_t available() const {
    return fresh_.size() + returned_count_ + (keys_ ? keys_->available() : 0);
  }
  // 0 unless the order of the message matters here.
  OrderingKey key_of(const QueuedMessage& message) const {
    return keys_ ? message.batch->key(message.position) : 0;
  }
  // The message that is to be delivered next; nullptr when there is none.
  const QueuedMessage* next_available();
  const QueuedMessage* next_of(Source source);
  Delivered* take_next();
  Delivery lease_next(ConsumerId consumer, SteadyTime deadline);
  void schedule(Delivered* delivered, SteadyTime at);
  void drop_stale_deadlines();

  Delivered* held_lease(const AckId& id);
  AckOutcome acknowledge(const AckId& id);
  AckOutcome acknowledge_in_order(MessageId id, Delivered* delivered, OrderingKey key);
  void finish_acked(OrderingKey key);
  // The lease has ended without an ack.
  void give_up(MessageId id, Delivered* delivered, SteadyTime now);
  // Of an ordering key: the message is in flight no more, nor are those behind it.
  void take_back_behind(MessageId id, const QueuedMessage& message);
  void end_lease(Delivered* delivered);
  void make_available(MessageId id, Delivered* delivered);
  void erase(DeliveredMap::iterator delivered);
  void give_credit_back(const Delivered& delivered);
  void wake_idle();
  void stop_waiting(ConsumerId consumer, Consumer* state);

  SubscriptionId id_;
  DeliveryRules rules_;
  Batches* batches_;
  QueueRequests* requests_;
  std::deque<QueuedMessage> fresh_;
  std::optional<OrderedKeys> keys_;  // only when ordered; holds its messages delivered or not
  DeliveredMap delivered_;
  std::size_t delivered_keyed_ = 0;  // of these, with an ordering key
  std::size_t leased_count_ = 0;
  std::deque<MessageId>
      returned_;  // to be delivered again; those that are not any more are skipped
  std::size_t returned_count_ = 0;  // of these, not skipped
  Source source_ = Source::kReturned;
  std::uint32_t attempt_base_ = 0;   // ack ids up to this attempt are from before the last seek
  std::vector<Deadline> deadlines_;  // a heap, the earliest first; stale entries are skipped
  absl::flat_hash_map<ConsumerId, Consumer> consumers_;
  std::deque<ConsumerId> idle_;  // first come, first woken
  std::size_t claimants_ = 0;    // woken consumers that have not taken yet
  SubscriptionCounts counts_;
};

}  // namespace pollbus::broker
