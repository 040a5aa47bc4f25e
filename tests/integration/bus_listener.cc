#include "integration/bus_listener.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/status.h"

namespace pollbus::testing {
namespace {

void check(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// Short pauses, so that a test does not wait long for a broker that has just restarted.
constexpr SubscriberOptions kOptions{.reconnect = {.max = std::chrono::milliseconds(500)}};

}  // namespace

std::shared_ptr<Connection> connect(const BusConfig& bus) {
  auto connection = Connection::open(bus);
  check(connection.status());
  return *std::move(connection);
}

BusListener::BusListener(const BusConfig& bus, const std::string& topic,
                         const std::string& subscription, const std::string& filter,
                         OnMessage on_message)
    : connection_(connect(bus)), admin_(connection_) {
  const SubscriptionSpec spec{.name = bus.subscription_path(subscription),
                              .topic = bus.topic_path(topic),
                              .filter = filter};
  const auto ensure = [this, spec]() -> absl::Status {
    RETURN_IF_ERROR(admin_.ensure_topic(spec.topic));
    return admin_.ensure_subscription(spec);
  };
  check(ensure());
  subscriber_ = std::make_unique<Subscriber>(
      connection_, ensure, spec.name,
      [on_message = std::move(on_message)](auto batch, auto) {
        for (const ReceivedMessage& message : batch) on_message(message);
        return std::vector<Verdict>(batch.size(), Verdict::kAck);
      },
      kOptions);
}

}  // namespace pollbus::testing
