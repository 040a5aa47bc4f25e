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
#include "bus/routed_publisher.h"
#include "bus/subscriber.h"

namespace pollbus {

// How a service uses the bus: it receives from one subscription and publishes to one topic, or to
// further ones, too.
struct WorkerConfig {
  static constexpr char kDefaultName[] = "bus";

  // Another service's subscription to the same topic.
  struct Downstream {
    std::string subscription;
    std::string filter;
  };

  BusConfig bus;
  // Of this use of the bus: in /readyz, logs and metrics. A second worker of a service needs
  // another name.
  std::string name = kDefaultName;
  std::string topic;
  // Messages that `route` sends there go to these topics instead; an unset route sends none.
  std::vector<std::string> further_topics;
  Route route;
  std::string subscription_topic;  // empty: the topic
  std::string subscription;        // empty: this process receives nothing
  std::string subscription_variable;
  std::string filter;
  // Subscriptions of other services that must exist before this service receives anything, because
  // the bus drops messages that no subscription matches.
  std::vector<std::string> required_subscriptions;
  // The same, but created if they are missing, so that services can start in any order.
  std::vector<Downstream> downstream;
  // With a value: the subscription gets an identity that shows whether it is still the same one
  // after the bus was wiped or the subscription deleted. This value, which must be random, is used
  // if it has none yet. Lower-case letters, digits and dashes; at most 63.
  std::string new_identity;
  SubscriberOptions subscriber;

  // Adds GCP_PROJECT, PUBSUB_EMULATOR_HOST, GOOGLE_APPLICATION_CREDENTIALS, TOPIC_NAME and, if
  // `subscription_variable` is not empty, the subscription under that name.
  void add_to(Settings& settings);
};

// The bus side of a service, with its readiness and metrics. On an emulator, creates the topic and
// its quarantine topic if they are missing; on Google Cloud only the quarantine topic, because the
// topic belongs to the operator. Notices while running if a subscription or its topic is deleted.
// Thread-safe.
class Worker {
 public:
  // FAILED_PRECONDITION if no credentials are found.
  static absl::StatusOr<std::unique_ptr<Worker>> open(WorkerConfig config, Service& service);

  // The topic, and the topic `<topic>-quarantine` for notices of messages that cannot be processed.
  Publisher& publisher() { return *publisher_; }
  Publisher& quarantine() { return *quarantine_; }
  Dependency& dependency() { return dependency_; }
  // Publishes to both.
  Outbox& outbox() { return *outbox_; }
  Outbox::Parts outbox_parts() { return {*publisher_, *quarantine_, dependency_}; }

  // Creates or checks topics and subscriptions, and waits for the bus as long as necessary. A
  // service that only publishes may begin when this returns OK. CANCELLED if a stop was requested
  // first; FAILED_PRECONDITION if a subscription exists with another filter or topic;
  // INVALID_ARGUMENT if the bus refuses a name.
  absl::Status prepare();

  // The subscription's identity, known after prepare(). Empty if the server does not keep it or
  // does not permit reading it.
  const std::string& identity() const { return identity_; }

  // Calls prepare(), and then begins to call the handler with batches. Returns OK also if a stop
  // was requested first.
  absl::Status start(BatchHandler handler);

  // Waits until the service is stopped. Then stops pulling, lets the handler finish, and sends
  // acks.
  void wait_and_drain();

 private:
  Worker(WorkerConfig config, Service& service, std::shared_ptr<Connection> connection);
  absl::Status ensure();
  absl::Status identify();
  std::unique_ptr<Publisher> make_topic_publisher(const std::string& topic);
  absl::Status ensure_subscription(const std::string& name, const std::string& filter);
  SubscriptionSpec spec_of(const std::string& name, const std::string& filter) const;
  absl::Status check(std::stop_token stop);
  void keep_checking(std::stop_token stop);
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
  std::jthread checker_;  // notices subscriptions and topics that were deleted
  std::jthread watcher_;  // carries the subscriber's counts into the metrics
};

// A worker of a service, and what handles its messages.
struct Work {
  Worker& worker;
  BatchHandler handler;
};

// Starts the workers, waits until the service is stopped, and drains all of them. Stops the service
// and returns the error if a worker cannot start.
absl::Status work_until_stopped(Service& service, std::vector<Work> works);

}  // namespace pollbus
