#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/message.h"
#include "bus/subscriber.h"

namespace pollbus {

// What one subscriber has been delivered and has not settled yet: messages waiting for the handler,
// and the leases of all of them, waiting or in the handler's hands. Thread-safe.
class Inbox {
 public:
  struct Delivery {
    std::string ack_id;
    std::int64_t bytes = 0;
    SteadyTime received;
    ReceivedMessage message;
  };
  struct Batch {
    std::vector<ReceivedMessage> messages;
    std::vector<std::string> ack_ids;  // of the messages, in order
  };

  Inbox(const SubscriberOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  // Returns whether there is room for more.
  bool add(std::vector<Delivery> deliveries);
  bool has_room() const;

  // Waits for a full batch, or for max_linger after the first message. Empty when stopped.
  Batch take(std::stop_token stop);

  // The lease of these has ended, by ack or nack.
  void release(const std::vector<std::string>& ack_ids);

  // Ack ids whose lease is half over; counts them as extended from now on. Those older than
  // max_lease are left to expire.
  std::vector<std::string> due_for_extension();

  // Takes out what the handler has not been given, to be nacked.
  std::vector<std::string> remove_waiting();

  std::int64_t outstanding() const;

 private:
  struct Lease {
    SteadyTime received;
    SteadyTime extended;
    std::int64_t bytes;
  };

  bool has_room_locked() const;

  const SubscriberOptions options_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Delivery> waiting_;
  std::unordered_map<std::string, Lease> leases_;
  std::int64_t leased_bytes_ = 0;
};

}  // namespace pollbus
