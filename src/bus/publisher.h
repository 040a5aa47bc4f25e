#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "base/message.h"
#include "bus/connection.h"

namespace pollbus {

// Publishes to one topic. Thread-safe.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // Publishes the batch, in several concurrent requests if the service's limits demand it. Returns
  // OK once the server has confirmed that it keeps all messages. After an error, any of them may
  // have been published, and publishing the batch again may duplicate them. Waits at most
  // kPublishTimeout, and no longer than until `stop`: then CANCELLED. Other errors are the
  // service's; NOT_FOUND if the topic is missing.
  virtual absl::Status publish(std::span<const Message> batch, std::stop_token stop) = 0;
  absl::Status publish(std::span<const Message> batch) { return publish(batch, {}); }
};

// `topic` as a path (BusConfig::topic_path).
std::unique_ptr<Publisher> make_publisher(std::shared_ptr<Connection> connection,
                                          std::string topic);

}  // namespace pollbus
