#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "broker/core/ack_id.h"
#include "broker/core/batches.h"
#include "broker/core/message.h"

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

// The backlog of one subscription: what waits, what is leased to which consumer until when, and
// which consumers wait for more. A lease belongs to its message, not to its consumer: it outlives
// the consumer until its deadline. Appends to `woken` the consumers that should take() next.
// Time is an argument; no operation scans the backlog. Not thread-safe.
class SubscriptionQueue {
 public:
  // Borrows both.
  SubscriptionQueue(SubscriptionId id, Batches* batches, std::vector<ConsumerId>* woken)
      : id_(id), batches_(batches), woken_(woken) {}

  void push(QueuedMessage message);
  // A message of an earlier life of the broker; its attempts go on being counted.
  void restore(QueuedMessage message);

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
  // Removes the messages, whichever delivery the ids are of; returns how many were still there.
  std::size_t acknowledge(std::span<const AckId> ids);
  // The subscription is being deleted.
  void abandon_all();
  // Moves the deadline of leases that are still held. `lease` 0 makes them available at once.
  void modify_deadline(std::span<const AckId> ids, std::chrono::nanoseconds lease, SteadyTime now);
  // Makes available again what was leased until `now` or earlier.
  void expire(SteadyTime now);
  // When expire() has something to do, or a little earlier.
  std::optional<SteadyTime> next_deadline() const;

  std::size_t backlog() const { return fresh_.size() + delivered_.size(); }
  std::size_t leased() const { return delivered_.size() - returned_count_; }
  const SubscriptionCounts& counts() const { return counts_; }
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
    QueuedMessage message;
    std::uint32_t attempt = 0;
    bool is_leased = false;
    ConsumerId consumer = 0;
    SteadyTime deadline;
    SteadyTime scheduled;  // its valid entry in deadlines_
  };
  struct Deadline {
    SteadyTime at;
    MessageId message;
    bool operator>(const Deadline& other) const { return at > other.at; }
  };

  std::size_t available() const { return fresh_.size() + returned_count_; }
  // The message that is to be delivered next; nullptr when there is none.
  const QueuedMessage* next_available();
  Delivery lease_next(ConsumerId consumer, SteadyTime deadline);
  void schedule(Delivered* delivered, SteadyTime at);
  void drop_stale_deadlines();

  Delivered* held_lease(const AckId& id);
  void make_available(MessageId id, Delivered* delivered);
  void give_credit_back(const Delivered& delivered);
  void wake_idle();
  void stop_waiting(ConsumerId consumer, Consumer* state);

  SubscriptionId id_;
  Batches* batches_;
  std::vector<ConsumerId>* woken_;
  std::deque<QueuedMessage> fresh_;
  absl::flat_hash_map<MessageId, Delivered> delivered_;
  std::deque<MessageId> returned_;   // to be delivered again; acked ones are skipped
  std::size_t returned_count_ = 0;   // of these, not acked
  bool returned_is_next_ = true;     // the two kinds take turns, so that neither starves
  std::vector<Deadline> deadlines_;  // a heap, the earliest first; stale entries are skipped
  absl::flat_hash_map<ConsumerId, Consumer> consumers_;
  std::deque<ConsumerId> idle_;  // first come, first woken
  std::size_t claimants_ = 0;    // woken consumers that have not taken yet
  SubscriptionCounts counts_;
};

}  // namespace pollbus::broker
