#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/message.h"
#include "bus/admin.h"
#include "bus/connection.h"
#include "bus/subscriber.h"

namespace pollbus::testing {

// A subscription of the test's own, and its topic, made when they are missing, also after the bus
// has forgotten them. What is delivered goes to `on_message`, on a thread of this object, and is
// acked. Throws std::runtime_error when the bus refuses.
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

// The connection; throws std::runtime_error where BusConfig does not do.
std::shared_ptr<Connection> connect(const BusConfig& bus);

}  // namespace pollbus::testing
