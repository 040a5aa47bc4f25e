#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/backoff.h"
#include "base/message.h"
#include "bus/admin.h"
#include "bus/connection.h"

namespace pollbus {

enum class Verdict {
  kAck,   // the message's effect is safe: do not deliver it again
  kNack,  // deliver the message again, at once, to any subscriber
};

// Handles a batch and returns a verdict for each message, in order. What is to be kept of a message
// beyond the call must be copied. May take as long as it needs:
// leases are extended meanwhile. After a stop request, returns as soon as it can, with kNack for
// every message whose effect is not safe.
using BatchHandler =
    std::function<std::vector<Verdict>(std::span<const ReceivedMessage>, std::stop_token stop)>;

// The ack ids of a batch, by what its messages' verdicts say.
struct BatchAnswers {
  std::vector<std::string_view> acks;
  std::vector<std::string_view> nacks;
};
// `ack_ids` and `verdicts` are in the order of the messages. A message without a verdict is nacked.
BatchAnswers answers_to(std::span<const std::string_view> ack_ids,
                        std::span<const Verdict> verdicts);

struct SubscriberOptions {
  // A batch is handled when it is full, or this long after its first message arrived. Fewer
  // messages than `min_linger_messages` are handled at once: when little is going on, nothing
  // waits.
  std::size_t max_batch_messages = 1'000;
  std::chrono::microseconds max_linger{5'000};
  std::size_t min_linger_messages = 100;
  // The server is asked to send no more than this without acks: a batch that is being handled and
  // one that waits. What is beyond that is better off with another replica. For servers that ignore
  // flow control: reading pauses at twice this amount.
  std::int64_t max_outstanding_messages = 2'000;
  std::int64_t max_outstanding_bytes = 64 * 1024 * 1024;
  // A lease lasts `ack_deadline`, is extended after half of it, and not beyond `max_lease`. It is
  // short so that the messages of a killed replica are soon delivered to another.
  std::chrono::seconds ack_deadline{10};
  std::chrono::minutes max_lease{60};
  BackoffPolicy reconnect{.initial = std::chrono::milliseconds(100),
                          .max = std::chrono::milliseconds(2'000)};
  // After stop(): how long the handler may work before its stop is requested.
  std::chrono::milliseconds drain_timeout{4'000};
};

// Called on the subscriber's threads, one at a time.
struct SubscriberEvents {
  std::function<void()> connected = [] {};
  std::function<void(const absl::Status&)> disconnected = [](const absl::Status&) {};
};

struct SubscriberCounts {
  std::int64_t received = 0;
  std::int64_t acked = 0;
  std::int64_t nacked = 0;
  std::int64_t lost_acks = 0;  // given up after retries; their messages are delivered again
  std::int64_t connects = 0;
  std::int64_t outstanding = 0;
};

// Pulls a subscription over a stream (StreamingPull, protocol version 1:
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#streamingpullrequest), calls
// the handler with batches on a thread of its own, and acks as the handler says. Calls `ensure`
// before each connection, and connects only if it returns OK. Works until it is stopped, whatever
// happens to the bus. Thread-safe.
class Subscriber {
 public:
  Subscriber(std::shared_ptr<Connection> connection, std::function<absl::Status()> ensure,
             std::string subscription, BatchHandler handler, SubscriberOptions options = {},
             SubscriberEvents events = {});
  // Calls stop().
  ~Subscriber();

  // Stops pulling, nacks the messages that the handler has not been given, lets the handler finish,
  // sends the last acks, and returns.
  void stop();

  SubscriberCounts counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pollbus
