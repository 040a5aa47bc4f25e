#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/message.h"
#include "bus/admin.h"
#include "bus/connection.h"
#include "bus/subscriber.h"

namespace pollbus::testing {

// Receives the messages of a subscription for a test. Creates subscription and topic when they are
// missing, also after the bus has lost them. Calls `on_message` for each message, on a thread of
// this object, and acks the message. Throws std::runtime_error if the bus refuses.
class BusListener {
 public:
  using OnMessage = std::function<void(const ReceivedMessage&)>;

  BusListener(const BusConfig& bus, const std::string& topic, const std::string& subscription,
              const std::string& filter, OnMessage on_message);

 private:
  std::shared_ptr<Connection> connection_;
  Admin admin_;
  std::unique_ptr<Subscriber> subscriber_;
};

// Connects; throws std::runtime_error if the configuration is not sufficient.
std::shared_ptr<Connection> connect(const BusConfig& bus);

}  // namespace pollbus::testing
