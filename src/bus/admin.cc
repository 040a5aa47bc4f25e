#include "bus/admin.h"

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "bus/stubs.h"

namespace pollbus {
namespace {

using google::pubsub::v1::Subscription;

constexpr std::chrono::milliseconds kAdminTimeout{5'000};
// Short, because a stop waits for a check.
constexpr std::chrono::milliseconds kCheckTimeout{2'000};

// The server shows this topic for a subscription whose topic was deleted.
constexpr char kDeletedTopic[] = "_deleted-topic_";

absl::Status compare(const SubscriptionSpec& wanted, const Subscription& found) {
  if (found.topic() == kDeletedTopic) {
    return absl::FailedPreconditionError(fmt::format(
        "the topic of subscription {} was deleted, and the subscription receives nothing any more: "
        "delete the subscription, and it is created again on topic {}",
        wanted.name, wanted.topic));
  }
  if (found.topic() != wanted.topic) {
    return absl::FailedPreconditionError(fmt::format(
        "subscription {} belongs to topic {}, not to {}: delete it, or name another subscription",
        wanted.name, found.topic(), wanted.topic));
  }
  if (found.filter() != wanted.filter) {
    return absl::FailedPreconditionError(
        fmt::format("subscription {} has the filter '{}', not '{}', and filters cannot be changed: "
                    "delete it, or name another "
                    "subscription",
                    wanted.name, found.filter(), wanted.filter));
  }
  return absl::OkStatus();
}

absl::Status not_permitted(const char* what, const SubscriptionSpec& spec,
                           const absl::Status& status) {
  log_warning("no permission on subscription; using it as it is",
              {{"to", what}, {"subscription", spec.name}, {"error", status}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Admin::ensure_topic(const std::string& topic) {
  grpc::ClientContext context;
  set_timeout(context, kAdminTimeout);
  google::pubsub::v1::Topic request;
  request.set_name(topic);
  google::pubsub::v1::Topic response;
  const auto status =
      to_absl(connection_->stubs().publisher->CreateTopic(&context, request, &response));
  if (status.ok()) log_info("topic created", {{"topic", topic}});
  if (absl::IsAlreadyExists(status)) return absl::OkStatus();
  return annotate(status, "create topic " + topic);
}

absl::Status Admin::ensure_subscription(const SubscriptionSpec& spec) {
  auto& stub = *connection_->stubs().subscriber;
  // At most twice: another replica may create the subscription between the two calls.
  for (int round = 0; round < 2; ++round) {
    grpc::ClientContext get_context;
    set_timeout(get_context, kAdminTimeout);
    google::pubsub::v1::GetSubscriptionRequest get;
    get.set_subscription(spec.name);
    Subscription found;
    auto status = to_absl(stub.GetSubscription(&get_context, get, &found));
    if (status.ok()) return compare(spec, found);
    if (absl::IsPermissionDenied(status)) return not_permitted("look", spec, status);
    if (!absl::IsNotFound(status)) return annotate(status, "get subscription " + spec.name);

    grpc::ClientContext create_context;
    set_timeout(create_context, kAdminTimeout);
    Subscription create;
    create.set_name(spec.name);
    create.set_topic(spec.topic);
    create.set_filter(spec.filter);
    create.set_ack_deadline_seconds(static_cast<int>(spec.ack_deadline.count()));
    create.mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
    create.mutable_expiration_policy();  // present and without a time: never
    if (spec.expires_after) {
      create.mutable_expiration_policy()->mutable_ttl()->set_seconds(spec.expires_after->count());
    }
    Subscription created;
    status = to_absl(stub.CreateSubscription(&create_context, create, &created));
    if (status.ok()) {
      log_info("subscription created", {{"subscription", spec.name}, {"filter", spec.filter}});
      return absl::OkStatus();
    }
    if (absl::IsPermissionDenied(status)) return not_permitted("create", spec, status);
    if (!absl::IsAlreadyExists(status)) return annotate(status, "create subscription " + spec.name);
  }
  return absl::AbortedError("subscription " + spec.name +
                            " is being created and deleted by others");
}

absl::StatusOr<std::string> Admin::ensure_label(const std::string& subscription,
                                                const std::string& label,
                                                const std::string& value) {
  const auto value_in = [&](const Subscription& found) {
    const auto it = found.labels().find(label);
    return it == found.labels().end() ? std::string() : it->second;
  };
  auto& stub = *connection_->stubs().subscriber;
  grpc::ClientContext get_context;
  set_timeout(get_context, kAdminTimeout);
  google::pubsub::v1::GetSubscriptionRequest get;
  get.set_subscription(subscription);
  Subscription found;
  absl::Status status = to_absl(stub.GetSubscription(&get_context, get, &found));
  if (status.ok()) {
    if (const std::string present = value_in(found); !present.empty()) return present;
    grpc::ClientContext update_context;
    set_timeout(update_context, kAdminTimeout);
    google::pubsub::v1::UpdateSubscriptionRequest update;
    *update.mutable_subscription() = found;
    (*update.mutable_subscription()->mutable_labels())[label] = value;
    update.mutable_update_mask()->add_paths("labels");
    Subscription updated;
    status = to_absl(stub.UpdateSubscription(&update_context, update, &updated));
    if (status.ok()) return value_in(updated);
  }
  if (is_transient(status) || absl::IsNotFound(status))
    return annotate(status, "label subscription " + subscription);
  log_warning("the label of the subscription cannot be read or set",
              {{"subscription", subscription}, {"label", label}, {"error", status}});
  return std::string();
}

absl::Status Admin::check_subscription(const SubscriptionSpec& spec) {
  grpc::ClientContext context;
  set_timeout(context, kCheckTimeout);
  google::pubsub::v1::GetSubscriptionRequest request;
  request.set_subscription(spec.name);
  Subscription found;
  const auto status =
      to_absl(connection_->stubs().subscriber->GetSubscription(&context, request, &found));
  if (absl::IsPermissionDenied(status)) return absl::OkStatus();
  if (!status.ok()) return annotate(status, "get subscription " + spec.name);
  return compare(spec, found);
}

absl::StatusOr<bool> Admin::subscription_exists(const std::string& name) {
  grpc::ClientContext context;
  set_timeout(context, kAdminTimeout);
  google::pubsub::v1::GetSubscriptionRequest request;
  request.set_subscription(name);
  Subscription found;
  const auto status =
      to_absl(connection_->stubs().subscriber->GetSubscription(&context, request, &found));
  if (absl::IsNotFound(status)) return false;
  if (!status.ok()) return annotate(status, "get subscription " + name);
  return true;
}

absl::Status Admin::delete_subscription(const std::string& name) {
  grpc::ClientContext context;
  set_timeout(context, kAdminTimeout);
  google::pubsub::v1::DeleteSubscriptionRequest request;
  request.set_subscription(name);
  google::protobuf::Empty response;
  const auto status =
      to_absl(connection_->stubs().subscriber->DeleteSubscription(&context, request, &response));
  if (absl::IsNotFound(status)) return absl::OkStatus();
  return annotate(status, "delete subscription " + name);
}

}  // namespace pollbus
