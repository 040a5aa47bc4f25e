#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/message.h"
#include "bus/connection.h"

namespace pollbus {

// Publishes to one topic. Thread-safe.
class Publisher {
 public:
  virtual ~Publisher() = default;

  // Publishes the batch, in as many requests at once as the service's limits ask for, and returns
  // the messages' ids, in order, when the server has answered for all: they are kept then. On error
  // any of them may have been published; who publishes the batch again may publish some twice.
  // Waits at most kPublishTimeout. Errors are the service's; NOT_FOUND when the topic is missing.
  virtual absl::StatusOr<std::vector<std::string>> publish(std::span<const Message> batch) = 0;
};

// `topic` as a path (BusConfig::topic_path).
std::unique_ptr<Publisher> make_publisher(std::shared_ptr<Connection> connection,
                                          std::string topic);

}  // namespace pollbus
