#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/dependency.h"
#include "base/service.h"
#include "bus/admin.h"
#include "bus/connection.h"
#include "bus/outbox.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"

namespace pollbus {

// What a service on the bus is told: one subscription in, one topic out.
struct WorkerConfig {
  // A subscription of somebody else on the same topic.
  struct Downstream {
    std::string subscription;
    std::string filter;
  };

  BusConfig bus;
  std::string topic;
  std::string subscription;  // empty: this process takes nothing in
  std::string subscription_variable;
  std::string filter;
  // Subscriptions of others that must exist before this service takes anything in, because what it
  // publishes would be dropped without them.
  std::vector<std::string> required_subscriptions;
  // The same, but they are made when missing, so that the parts may start in any order.
  std::vector<Downstream> downstream;
  // With a value: the subscription gets an identity that shows whether it is still the same one
  // after the bus was wiped or the subscription deleted. This value, which must be random, is used
  // if it has none yet. Lower-case letters, digits and dashes; at most 63.
  std::string new_identity;
  SubscriberOptions subscriber;

  // GCP_PROJECT, PUBSUB_EMULATOR_HOST, GOOGLE_APPLICATION_CREDENTIALS, TOPIC_NAME, and
  // the subscription as `subscription_variable` where that has a name.
  void add_to(Settings& settings);
};

// A service's whole side of the bus, and how it shows in readiness and metrics. The topic and its
// quarantine topic are created when missing on an emulator; on Google Cloud only the quarantine
// topic is tried, for a topic there is somebody's decision. Thread-safe.
class Worker {
 public:
  // FAILED_PRECONDITION where no credentials can be had.
  static absl::StatusOr<std::unique_ptr<Worker>> open(WorkerConfig config, Service& service);

  // The topic, and the topic `<topic>-quarantine` for notices of what could not be processed.
  Publisher& publisher() { return *publisher_; }
  Publisher& quarantine() { return *quarantine_; }
  Dependency& dependency() { return dependency_; }
  // Publishes to both.
  Outbox& outbox() { return *outbox_; }
  Outbox::Parts outbox_parts() { return {*publisher_, *quarantine_, dependency_}; }

  // Makes sure of topics and subscriptions, waiting for the bus as long as it takes: whoever only
  // publishes may begin then. OK when done; CANCELLED when a stop was requested first;
  // FAILED_PRECONDITION when a subscription is not ours (see Admin::ensure_subscription).
  absl::Status prepare();

  // The subscription's identity, known after prepare(). Empty if the server does not keep it or
  // does not permit reading it.
  const std::string& identity() const { return identity_; }

  // The same, and begins to give the handler batches. OK also when a stop was requested first.
  absl::Status start(BatchHandler handler);

  // Waits until the service is stopped; then pulls no more, lets the handler finish, and acks.
  void wait_and_drain();

 private:
  Worker(WorkerConfig config, Service& service, std::shared_ptr<Connection> connection);
  absl::Status ensure();
  absl::Status identify();
  absl::Status ensure_subscription(const std::string& name, const std::string& filter);
  void watch(std::stop_token stop);

  const WorkerConfig config_;
  Service& service_;
  std::shared_ptr<Connection> connection_;
  Admin admin_;
  Dependency dependency_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Publisher> quarantine_;
  std::optional<Outbox> outbox_;
  std::string identity_;
  bool is_identified_ = false;  // set before any other thread exists
  std::unique_ptr<Subscriber> subscriber_;
  std::jthread watcher_;  // carries the subscriber's counts into the metrics
};

}  // namespace pollbus
