#include "bus/worker.h"

#include <map>
#include <utility>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {
namespace {

constexpr std::chrono::milliseconds kMetricsInterval{1'000};
// The label that holds a subscription's identity.
constexpr char kIdentityLabel[] = "pollbus-identity";

// Publishes to a topic that may have gone missing (a bus that keeps nothing was started again):
// makes it and publishes again.
class TopicPublisher final : public Publisher {
 public:
  TopicPublisher(std::unique_ptr<Publisher> publisher, Admin& admin, std::string topic)
      : publisher_(std::move(publisher)), admin_(admin), topic_(std::move(topic)) {}

  absl::StatusOr<std::vector<std::string>> publish(std::span<const Message> batch) override {
    auto ids = publisher_->publish(batch);
    if (!absl::IsNotFound(ids.status())) return ids;
    RETURN_IF_ERROR(admin_.ensure_topic(topic_));
    return publisher_->publish(batch);
  }

 private:
  std::unique_ptr<Publisher> publisher_;
  Admin& admin_;
  std::string topic_;
};

}  // namespace

void WorkerConfig::add_to(Settings& settings) {
  bus.add_to(settings);
  settings.text({"topic", "TOPIC_NAME", "NAME", "The topic that all parts share"}, &topic,
                check_not_empty);
  if (subscription_variable.empty()) return;
  settings.text({"subscription", subscription_variable, "NAME",
                 "This service's subscription; created when missing"},
                &subscription, check_not_empty);
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::open(WorkerConfig config, Service& service) {
  ASSIGN_OR_RETURN(auto connection, Connection::open(config.bus));
  return std::unique_ptr<Worker>(new Worker(std::move(config), service, std::move(connection)));
}

Worker::Worker(WorkerConfig config, Service& service, std::shared_ptr<Connection> connection)
    : config_(std::move(config)),
      service_(service),
      connection_(std::move(connection)),
      admin_(connection_),
      dependency_("bus",
                  config_.bus.is_emulator() ? config_.bus.emulator_host : "pubsub.googleapis.com",
                  service.clock(), service.readiness(), service.metrics()) {
  const std::string topic = config_.bus.topic_path(config_.topic);
  publisher_ = make_publisher(connection_, topic);
  if (config_.bus.is_emulator()) {
    publisher_ = std::make_unique<TopicPublisher>(std::move(publisher_), admin_, topic);
  }
  const std::string quarantine = topic + "-quarantine";
  quarantine_ =
      std::make_unique<TopicPublisher>(make_publisher(connection_, quarantine), admin_, quarantine);
  outbox_.emplace(outbox_parts(), service.metrics());
}

absl::Status Worker::ensure() {
  const std::string topic = config_.bus.topic_path(config_.topic);
  if (config_.bus.is_emulator()) RETURN_IF_ERROR(admin_.ensure_topic(topic));
  if (const auto status = admin_.ensure_topic(topic + "-quarantine");
      !status.ok() && is_transient(status)) {
    return status;
  } else if (!status.ok()) {
    log_warning("the quarantine topic cannot be made sure of",
                {{"topic", topic + "-quarantine"}, {"error", status}});
  }
  if (!config_.subscription.empty())
    RETURN_IF_ERROR(ensure_subscription(config_.subscription, config_.filter));
  for (const auto& [name, filter] : config_.downstream)
    RETURN_IF_ERROR(ensure_subscription(name, filter));
  for (const std::string& name : config_.required_subscriptions) {
    const auto exists = admin_.subscription_exists(config_.bus.subscription_path(name));
    if (absl::IsPermissionDenied(exists.status()))
      continue;  // taken on trust where we may not look
    if (!exists.ok()) return exists.status();
    if (!*exists) {
      return absl::NotFoundError("subscription " + name +
                                 " does not exist yet, and what is published for it would be lost");
    }
  }
  return absl::OkStatus();
}

absl::Status Worker::ensure_subscription(const std::string& name, const std::string& filter) {
  std::map<std::string, std::string> labels;
  if (name == config_.subscription && !config_.new_identity.empty())
    labels[kIdentityLabel] = identity_.empty() ? config_.new_identity : identity_;
  return admin_.ensure_subscription({.name = config_.bus.subscription_path(name),
                                     .topic = config_.bus.topic_path(config_.topic),
                                     .filter = filter,
                                     .ack_deadline = config_.subscriber.ack_deadline,
                                     .labels = std::move(labels)});
}

// A subscription that is made again later by this process gets the same identity.
absl::Status Worker::identify() {
  if (config_.new_identity.empty() || is_identified_) return absl::OkStatus();
  ASSIGN_OR_RETURN(identity_,
                   admin_.ensure_label(config_.bus.subscription_path(config_.subscription),
                                       kIdentityLabel, config_.new_identity));
  is_identified_ = true;
  return absl::OkStatus();
}

absl::Status Worker::prepare() {
  // Somebody else's subscription will not become ours by waiting.
  const auto passes = [](const absl::Status& error) { return !absl::IsFailedPrecondition(error); };
  return dependency_.hold_while(service_.stop_token(), passes, [this]() -> absl::Status {
    RETURN_IF_ERROR(ensure());
    return identify();
  });
}

absl::Status Worker::start(BatchHandler handler) {
  const absl::Status prepared = prepare();
  if (service_.stop_token().stop_requested()) return absl::OkStatus();
  RETURN_IF_ERROR(prepared);
  subscriber_ = std::make_unique<Subscriber>(
      connection_, [this] { return ensure(); }, config_.bus.subscription_path(config_.subscription),
      std::move(handler), config_.subscriber,
      SubscriberEvents{
          .connected = [this] { dependency_.report("stream", absl::OkStatus()); },
          .disconnected =
              [this](const absl::Status& status) { dependency_.report("stream", status); }});
  watcher_ = std::jthread([this](std::stop_token stop) { watch(stop); });
  return absl::OkStatus();
}

void Worker::wait_and_drain() {
  if (subscriber_ == nullptr) return;
  service_.shutdown().wait();
  subscriber_->stop();
}

void Worker::watch(std::stop_token stop) {
  auto& metrics = service_.metrics();
  auto& received =
      counter(metrics, "pollbus_bus_received_total", "Messages delivered to this process");
  auto& acked = counter(metrics, "pollbus_bus_acked_total", "Messages acked by this process");
  auto& nacked =
      counter(metrics, "pollbus_bus_nacked_total", "Messages given back by this process");
  auto& lost = counter(metrics, "pollbus_bus_lost_acks_total", "Acks given up after retries");
  auto& connects = counter(metrics, "pollbus_bus_streams_total", "Streams opened to the bus");
  auto& outstanding = gauge(metrics, "pollbus_bus_outstanding",
                            "Messages received that are neither acked nor nacked yet");
  SubscriberCounts before;
  bool running = true;
  while (running) {
    running = service_.clock().pause(kMetricsInterval, stop);
    const SubscriberCounts now = subscriber_->counts();
    received.Increment(static_cast<double>(now.received - before.received));
    acked.Increment(static_cast<double>(now.acked - before.acked));
    nacked.Increment(static_cast<double>(now.nacked - before.nacked));
    lost.Increment(static_cast<double>(now.lost_acks - before.lost_acks));
    connects.Increment(static_cast<double>(now.connects - before.connects));
    outstanding.Set(static_cast<double>(now.outstanding));
    before = now;
  }
}

}  // namespace pollbus
