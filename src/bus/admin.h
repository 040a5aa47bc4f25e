#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bus/connection.h"

namespace pollbus {

// How a subscription is to be configured. Names are paths (BusConfig::subscription_path).
struct SubscriptionSpec {
  std::string name;
  std::string topic;
  std::string filter;
  std::chrono::seconds ack_deadline{10};
  // Without a value, the subscription never expires. The service takes no less than a day.
  std::optional<std::chrono::seconds> expires_after{};
  // Set when the subscription is created, and not compared later.
  std::map<std::string, std::string> labels;
};

// Creates and checks topics and subscriptions. Thread-safe; each call waits at most kAdminTimeout.
class Admin {
 public:
  explicit Admin(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  // Creates the topic if it is missing.
  absl::Status ensure_topic(const std::string& topic);

  // Creates the subscription if it is missing. FAILED_PRECONDITION, naming what
  // was found, if one exists with another filter (filters cannot be changed:
  // https://cloud.google.com/pubsub/docs/subscription-message-filter) or on another topic.
  // NOT_FOUND if the topic is missing. If this process is not permitted to read or create
  // subscriptions, logs that and returns OK.
  absl::Status ensure_subscription(const SubscriptionSpec& spec);

  // Returns the value of a label of the subscription. If it has none, sets it to `value` first.
  // Returns "" if reading or setting it is not permitted, or if the server keeps no labels.
  absl::StatusOr<std::string> ensure_label(const std::string& subscription,
                                           const std::string& label, const std::string& value);

  // Returns OK if the subscription is as specified, without changing anything. NOT_FOUND if it does
  // not exist; FAILED_PRECONDITION, with what was found, if it differs or its topic was deleted. If
  // reading it is not permitted, returns OK.
  absl::Status check_subscription(const SubscriptionSpec& spec);

  absl::StatusOr<bool> subscription_exists(const std::string& name);

  // Returns OK also if the subscription does not exist.
  absl::Status delete_subscription(const std::string& name);

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace pollbus
