#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "base/message.h"
#include "bus/subscriber.h"

namespace pollbus {

// The messages that a subscriber has received and neither acked nor nacked: those that wait for the
// handler, and the leases of all of them. Thread-safe.
class Inbox {
 public:
  struct Delivery {
    ReceivedMessage message;
    std::string_view ack_id;  // in the message's storage
    std::int64_t bytes = 0;
    SteadyTime received;
  };
  struct Batch {
    std::vector<ReceivedMessage> messages;
    std::vector<std::string_view> ack_ids;  // of the messages, in order, and in their storage
  };

  Inbox(const SubscriberOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  // Returns whether there is room for more messages.
  bool add(std::vector<Delivery> deliveries);
  bool has_room() const;

  // Waits for a full batch, or until max_linger after the first message, but not with fewer than
  // min_linger_messages. Empty after a stop.
  Batch take(std::stop_token stop);

  // Ends the leases of messages that are about to be acked or nacked. Call it before the messages
  // are destroyed.
  void release(std::span<const std::string_view> ack_ids);

  // Returns the ack ids whose lease is half over, and counts them as extended now. Leases older
  // than max_lease are left to expire.
  std::vector<std::string> due_for_extension();

  // Removes the messages that the handler has not been given, and ends their leases.
  Batch remove_waiting();

  std::int64_t outstanding() const;

 private:
  struct Lease {
    SteadyTime received;
    SteadyTime extended;
    std::int64_t bytes;
  };

  bool has_room_locked() const;
  Batch take_locked(std::size_t most);

  const SubscriberOptions options_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Delivery> waiting_;
  absl::flat_hash_map<std::string_view, Lease> leases_;  // by ack ids in messages that are there
  std::int64_t leased_bytes_ = 0;
};

}  // namespace pollbus
