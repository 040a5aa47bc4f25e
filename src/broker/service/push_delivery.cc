#include "broker/service/push_delivery.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/status.h"
#include "broker/service/push_consumer.h"
#include "broker/service/resources.h"

namespace pollbus::broker {
namespace {

// The requests that run at a time, of all subscriptions together.
constexpr std::size_t kPushThreads = 16;

using Pushed = std::optional<std::pair<SubscriptionId, google::pubsub::v1::Subscription>>;

// std::nullopt unless the subscription exists and has an endpoint.
Pushed pushed(Broker& broker, const std::string& name) {
  return broker.with_core([&](const Core& core) -> Pushed {
    const auto id = core.subscriptions().find(name);
    if (id == core.subscriptions().end()) return std::nullopt;
    const SubscriptionConfig& config = **core.subscription(name);
    auto subscription = subscription_of(core, config);
    if (config.is_detached || subscription.push_config().push_endpoint().empty()) {
      return std::nullopt;
    }
    return std::pair(id->second, std::move(subscription));
  });
}

}  // namespace

PushDelivery::PushDelivery(Broker& broker, PushPolicy policy)
    : broker_(broker), policy_(std::move(policy)), tasks_(broker.clock(), kPushThreads) {}

PushDelivery::~PushDelivery() { stop(); }

void PushDelivery::start() {
  const auto names = broker_.with_core([](const Core& core) {
    std::vector<std::string> all;
    for (const auto& [name, id] : core.subscriptions()) all.push_back(name);
    return all;
  });
  for (const std::string& name : names) refresh(name);
}

void PushDelivery::refresh(const std::string& subscription) {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return;
  const Pushed wanted = pushed(broker_, subscription);
  if (const auto found = consumers_.find(subscription); found != consumers_.end()) {
    PushConsumer& consumer = *found->second;
    if (wanted && consumer.subscription_id() == wanted->first && consumer.serves(wanted->second)) {
      return;
    }
    consumer.close();
    consumers_.erase(found);
  }
  if (!wanted) return;
  if (const absl::Status status = open_consumer(wanted->second); !status.ok()) {
    log_warning("messages of a push subscription are not pushed",
                {{"subscription", subscription}, {"reason", status}});
  }
}

absl::Status PushDelivery::open_consumer(const google::pubsub::v1::Subscription& subscription) {
  ASSIGN_OR_RETURN(PushEndpoint endpoint,
                   parse_push_endpoint(subscription.push_config().push_endpoint()));
  RETURN_IF_ERROR(policy_.check(endpoint));
  const auto consumer =
      std::make_shared<PushConsumer>(broker_, tasks_, policy_, std::move(endpoint), subscription);
  RETURN_IF_ERROR(consumer->open());
  consumers_.emplace(subscription.name(), consumer);
  return absl::OkStatus();
}

void PushDelivery::stop() {
  decltype(consumers_) stopped;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    stopped.swap(consumers_);
  }
  for (const auto& [name, consumer] : stopped) consumer->close();
  tasks_.stop([&] {
    for (const auto& [name, consumer] : stopped) consumer->abort();
  });
}

}  // namespace pollbus::broker
