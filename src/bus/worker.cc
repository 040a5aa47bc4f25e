#include "bus/worker.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {
namespace {

constexpr std::chrono::milliseconds kMetricsInterval{1'000};
constexpr std::chrono::milliseconds kCheckInterval{2'000};
// A project has a quota of administrative requests
// (https://cloud.google.com/pubsub/quotas#quotas).
constexpr std::chrono::milliseconds kCloudCheckInterval{60'000};
constexpr std::size_t kMinIdBytes = 3;
constexpr std::size_t kMaxIdBytes = 255;

absl::Status missing(const std::string& subscription) {
  return absl::NotFoundError("subscription " + subscription +
                             " does not exist, and messages published for it would be lost");
}

// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
std::optional<std::string> check_id(const std::string& id) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_allowed = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("-_.~+%").find(c) != std::string_view::npos;
  };
  const bool is_valid = id.size() >= kMinIdBytes && id.size() <= kMaxIdBytes &&
                        is_letter(id.front()) && !id.starts_with("goog") &&
                        std::ranges::all_of(id, is_allowed);
  if (is_valid) return std::nullopt;
  return "expected 3 to 255 letters, digits and -_.~+%, beginning with a letter and not with goog";
}

// The label that holds a subscription's identity.
constexpr char kIdentityLabel[] = "pollbus-identity";

// Publishes to a topic that may be missing, because a bus that keeps nothing was restarted: creates
// the topic and publishes again.
class TopicPublisher final : public Publisher {
 public:
  TopicPublisher(std::unique_ptr<Publisher> publisher, Admin& admin, std::string topic)
      : publisher_(std::move(publisher)), admin_(admin), topic_(std::move(topic)) {}

  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    absl::Status status = publisher_->publish(batch, stop);
    if (!absl::IsNotFound(status)) return status;
    RETURN_IF_ERROR(admin_.ensure_topic(topic_));
    return publisher_->publish(batch, stop);
  }

 private:
  std::unique_ptr<Publisher> publisher_;
  Admin& admin_;
  std::string topic_;
};

}  // namespace

void WorkerConfig::add_to(Settings& settings) {
  bus.add_to(settings);
  settings.text({"topic", "TOPIC_NAME", "NAME", "The topic that all services share"}, &topic,
                check_id);
  if (subscription_variable.empty()) return;
  settings.text({"subscription", subscription_variable, "NAME",
                 "This service's subscription; created when missing"},
                &subscription, check_id);
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
      dependency_(config_.name,
                  config_.bus.is_emulator() ? config_.bus.emulator_host : "pubsub.googleapis.com",
                  service.clock(), service.readiness(), service.metrics()) {
  publisher_ = make_topic_publisher(config_.topic);
  if (!config_.further_topics.empty()) {
    std::vector<std::unique_ptr<Publisher>> further;
    for (const std::string& topic : config_.further_topics)
      further.push_back(make_topic_publisher(topic));
    publisher_ = make_routed_publisher(std::move(publisher_), std::move(further), config_.route);
  }
  const std::string quarantine = config_.bus.topic_path(config_.topic) + "-quarantine";
  quarantine_ =
      std::make_unique<TopicPublisher>(make_publisher(connection_, quarantine), admin_, quarantine);
  outbox_.emplace(outbox_parts(), service.metrics());
}

std::unique_ptr<Publisher> Worker::make_topic_publisher(const std::string& topic) {
  const std::string path = config_.bus.topic_path(topic);
  auto publisher = make_publisher(connection_, path);
  if (!config_.bus.is_emulator()) return publisher;
  return std::make_unique<TopicPublisher>(std::move(publisher), admin_, path);
}

absl::Status Worker::ensure() {
  const std::string topic = config_.bus.topic_path(config_.topic);
  if (config_.bus.is_emulator()) {
    RETURN_IF_ERROR(admin_.ensure_topic(topic));
    if (!config_.subscription_topic.empty())
      RETURN_IF_ERROR(admin_.ensure_topic(config_.bus.topic_path(config_.subscription_topic)));
  }
  if (auto status = admin_.ensure_topic(topic + "-quarantine");
      !status.ok() && is_transient(status)) {
    return status;
  } else if (!status.ok()) {
    log_warning("the quarantine topic may be missing",
                {{"topic", topic + "-quarantine"}, {"error", status}});
  }
  if (!config_.subscription.empty())
    RETURN_IF_ERROR(ensure_subscription(config_.subscription, config_.filter));
  for (const auto& [name, filter] : config_.downstream)
    RETURN_IF_ERROR(ensure_subscription(name, filter));
  for (const std::string& name : config_.required_subscriptions) {
    const auto exists = admin_.subscription_exists(config_.bus.subscription_path(name));
    if (absl::IsPermissionDenied(exists.status()))
      continue;  // assumed to exist if looking is not permitted
    if (!exists.ok()) return exists.status();
    if (!*exists) return missing(name);
  }
  return absl::OkStatus();
}

SubscriptionSpec Worker::spec_of(const std::string& name, const std::string& filter) const {
  const bool is_own = name == config_.subscription && !config_.subscription_topic.empty();
  return {.name = config_.bus.subscription_path(name),
          .topic = config_.bus.topic_path(is_own ? config_.subscription_topic : config_.topic),
          .filter = filter,
          .ack_deadline = config_.subscriber.ack_deadline};
}

absl::Status Worker::ensure_subscription(const std::string& name, const std::string& filter) {
  SubscriptionSpec spec = spec_of(name, filter);
  if (name == config_.subscription && !config_.new_identity.empty())
    spec.labels[kIdentityLabel] = identity_.empty() ? config_.new_identity : identity_;
  return admin_.ensure_subscription(spec);
}

// Changes nothing: a subscription that is missing is created when the stream is opened again.
absl::Status Worker::check(std::stop_token stop) {
  RETURN_IF_ERROR(admin_.check_subscription(spec_of(config_.subscription, config_.filter)));
  for (const auto& [name, filter] : config_.downstream) {
    if (stop.stop_requested()) return absl::OkStatus();
    RETURN_IF_ERROR(admin_.check_subscription(spec_of(name, filter)));
  }
  for (const std::string& name : config_.required_subscriptions) {
    if (stop.stop_requested()) return absl::OkStatus();
    const auto exists = admin_.subscription_exists(config_.bus.subscription_path(name));
    if (exists.ok() && !*exists) return missing(name);
  }
  return absl::OkStatus();
}

void Worker::keep_checking(std::stop_token stop) {
  const auto interval = config_.bus.is_emulator() ? kCheckInterval : kCloudCheckInterval;
  while (service_.clock().pause(interval, stop)) dependency_.report("check", check(stop));
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
  // Waiting helps neither against a subscription of something else nor against an invalid name.
  const auto should_retry = [](const absl::Status& error) {
    return !absl::IsFailedPrecondition(error) && !absl::IsInvalidArgument(error);
  };
  return dependency_.hold_while(service_.stop_token(), should_retry, [this]() -> absl::Status {
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
  checker_ = std::jthread([this](std::stop_token stop) { keep_checking(stop); });
  watcher_ = std::jthread([this](std::stop_token stop) { watch(stop); });
  return absl::OkStatus();
}

void Worker::wait_and_drain() {
  if (subscriber_ == nullptr) return;
  service_.shutdown().wait();
  checker_.request_stop();
  subscriber_->stop();
}

void Worker::watch(std::stop_token stop) {
  auto& metrics = service_.metrics();
  prometheus::Labels labels;
  if (config_.name != WorkerConfig::kDefaultName) labels["worker"] = config_.name;
  auto& received =
      counter(metrics, "pollbus_bus_received_total", "Messages received by this process", labels);
  auto& acked =
      counter(metrics, "pollbus_bus_acked_total", "Messages acked by this process", labels);
  auto& nacked =
      counter(metrics, "pollbus_bus_nacked_total", "Messages nacked by this process", labels);
  auto& lost =
      counter(metrics, "pollbus_bus_lost_acks_total", "Acks given up after retries", labels);
  auto& connects =
      counter(metrics, "pollbus_bus_streams_total", "Streams opened to the bus", labels);
  auto& outstanding = gauge(metrics, "pollbus_bus_outstanding",
                            "Messages received that are neither acked nor nacked yet", labels);
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

absl::Status work_until_stopped(Service& service, std::vector<Work> works) {
  absl::Status started;
  for (Work& work : works) {
    if (started.ok()) started = work.worker.start(std::move(work.handler));
  }
  if (!started.ok()) service.shutdown().request();
  for (const Work& work : works) work.worker.wait_and_drain();
  return started;
}

}  // namespace pollbus
