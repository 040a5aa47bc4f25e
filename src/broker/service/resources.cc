#include "broker/service/resources.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <array>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/update_mask.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using google::protobuf::util::TimeUtil;

constexpr std::array kMutableTopicFields{
    "labels",          "message_storage_policy",         "message_retention_duration",
    "schema_settings", "ingestion_data_source_settings", "message_transforms"};
constexpr std::array kMutableSubscriptionFields{"ack_deadline_seconds",
                                                "expiration_policy",
                                                "labels",
                                                "message_retention_duration",
                                                "push_config",
                                                "bigquery_config",
                                                "cloud_storage_config",
                                                "bigtable_config",
                                                "retain_acked_messages",
                                                "retry_policy",
                                                "dead_letter_policy",
                                                "enable_exactly_once_delivery",
                                                "message_transforms"};
constexpr std::array kMutableSnapshotFields{"labels", "expire_time"};

absl::Status not_implemented(std::string_view what) {
  return absl::UnimplementedError(
      fmt::format("{} is not implemented by this version of pubsub-broker.", what));
}

template <typename Rep, typename Period>
google::protobuf::Duration to_proto(std::chrono::duration<Rep, Period> duration) {
  return TimeUtil::MillisecondsToDuration(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void fill_policies(api::Subscription* subscription) {
  if (!subscription->has_expiration_policy()) {
    *subscription->mutable_expiration_policy()->mutable_ttl() = to_proto(kDefaultExpiration);
  }
  if (subscription->has_retry_policy()) {
    api::RetryPolicy& retry = *subscription->mutable_retry_policy();
    if (!retry.has_minimum_backoff()) {
      *retry.mutable_minimum_backoff() = to_proto(kDefaultMinBackoff);
    }
    if (!retry.has_maximum_backoff()) {
      *retry.mutable_maximum_backoff() = to_proto(kDefaultMaxBackoff);
    }
  }
  if (!subscription->has_dead_letter_policy()) return;
  api::DeadLetterPolicy& dead_letter = *subscription->mutable_dead_letter_policy();
  if (dead_letter.dead_letter_topic().empty() && dead_letter.max_delivery_attempts() == 0) {
    subscription->clear_dead_letter_policy();  // this is how clients remove the policy
  } else if (dead_letter.max_delivery_attempts() == 0) {
    dead_letter.set_max_delivery_attempts(kDefaultMaxDeliveryAttempts);
  }
}

void fill_defaults(api::Subscription* subscription) {
  if (subscription->ack_deadline_seconds() == 0) {
    subscription->set_ack_deadline_seconds(static_cast<std::int32_t>(kDefaultAckDeadline.count()));
  }
  if (!subscription->has_message_retention_duration()) {
    *subscription->mutable_message_retention_duration() = to_proto(kDefaultRetention);
  }
  fill_policies(subscription);
  subscription->mutable_push_config();
  subscription->set_state(api::Subscription::ACTIVE);
}

// Clears fields that only the server sets.
void clear_outputs(api::Subscription* subscription) {
  subscription->clear_tags();
  subscription->clear_detached();
  subscription->clear_topic_message_retention_duration();
  subscription->clear_analytics_hub_subscription_info();
}

absl::Status check_features(const api::Subscription& subscription) {
  // Only the service can sign these tokens.
  if (subscription.push_config().has_oidc_token()) return not_implemented("push_config.oidc_token");
  if (subscription.has_bigquery_config()) return not_implemented("bigquery_config");
  if (subscription.has_cloud_storage_config()) return not_implemented("cloud_storage_config");
  if (subscription.has_bigtable_config()) return not_implemented("bigtable_config");
  if (!subscription.message_transforms().empty()) return not_implemented("message_transforms");
  return absl::OkStatus();
}

absl::Status check_features(const api::Topic& topic) {
  if (topic.has_ingestion_data_source_settings()) {
    return not_implemented("ingestion_data_source_settings");
  }
  if (!topic.message_transforms().empty()) return not_implemented("message_transforms");
  return absl::OkStatus();
}

absl::Status check_policies(const api::Subscription& subscription) {
  RETURN_IF_ERROR(check_retention(subscription.message_retention_duration()));
  RETURN_IF_ERROR(check_expiration(subscription.expiration_policy()));
  if (subscription.has_retry_policy()) RETURN_IF_ERROR(check_retry(subscription.retry_policy()));
  if (subscription.has_dead_letter_policy()) {
    RETURN_IF_ERROR(check_dead_letter(subscription.dead_letter_policy()));
  }
  return check_labels(subscription.labels());
}

std::chrono::seconds to_seconds(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(to_duration(duration));
}

DeliveryRules rules_of(const api::Subscription& subscription) {
  const api::RetryPolicy& retry = subscription.retry_policy();
  return {.is_ordered = subscription.enable_message_ordering(),
          .is_exactly_once = subscription.enable_exactly_once_delivery(),
          .min_backoff = to_duration(retry.minimum_backoff()),
          .max_backoff = to_duration(retry.maximum_backoff()),
          .max_attempts = static_cast<std::uint32_t>(
              subscription.dead_letter_policy().max_delivery_attempts())};
}

}  // namespace

absl::StatusOr<api::Topic> checked_topic(api::Topic topic) {
  RETURN_IF_ERROR(check_topic_name(topic.name()));
  RETURN_IF_ERROR(check_features(topic));
  RETURN_IF_ERROR(check_labels(topic.labels()));
  if (topic.has_message_retention_duration()) {
    RETURN_IF_ERROR(check_retention(topic.message_retention_duration()));
  }
  if (topic.has_message_storage_policy() &&
      topic.message_storage_policy().allowed_persistence_regions().empty()) {
    return absl::InvalidArgumentError("A message_storage_policy must allow at least one region.");
  }
  topic.clear_tags();
  topic.set_state(api::Topic::ACTIVE);
  return topic;
}

api::Topic topic_of(const Topic& stored) {
  api::Topic topic;
  topic.ParseFromString(stored.resource);
  return topic;
}

std::chrono::seconds retention_of(const api::Topic& topic) {
  return to_seconds(topic.message_retention_duration());
}

absl::StatusOr<api::Topic> updated_topic(api::Topic current,
                                         const api::UpdateTopicRequest& request) {
  RETURN_IF_ERROR(
      check_mask<api::Topic>(request.update_mask(), "UpdateTopicRequest", kMutableTopicFields));
  merge(request.topic(), request.update_mask(), &current);
  return checked_topic(std::move(current));
}

absl::StatusOr<api::Subscription> checked_subscription(api::Subscription subscription) {
  RETURN_IF_ERROR(check_subscription_name(subscription.name()));
  RETURN_IF_ERROR(check_ack_deadline(subscription.ack_deadline_seconds()));
  RETURN_IF_ERROR(check_features(subscription));
  clear_outputs(&subscription);
  fill_defaults(&subscription);
  RETURN_IF_ERROR(check_policies(subscription));
  return subscription;
}

absl::StatusOr<SubscriptionConfig> config_of(const api::Subscription& subscription) {
  ASSIGN_OR_RETURN(Filter filter, Filter::parse(subscription.filter()));
  return SubscriptionConfig{
      .name = subscription.name(),
      .topic = subscription.topic(),
      .filter = std::move(filter),
      .ack_deadline = std::chrono::seconds(subscription.ack_deadline_seconds()),
      .resource = subscription.SerializeAsString(),
      .rules = rules_of(subscription),
      .dead_letter_topic = subscription.dead_letter_policy().dead_letter_topic(),
      .retention = to_seconds(subscription.message_retention_duration()),
      .retains_acked = subscription.retain_acked_messages(),
      .expiration = to_seconds(subscription.expiration_policy().ttl())};
}

api::Subscription subscription_of(const Core& core, const SubscriptionConfig& stored) {
  api::Subscription subscription;
  subscription.ParseFromString(stored.resource);
  subscription.set_topic(stored.topic);
  subscription.set_detached(stored.is_detached);
  if (const auto retention = core.retention().topic_retention(stored.topic);
      retention.count() > 0) {
    *subscription.mutable_topic_message_retention_duration() = to_proto(retention);
  }
  return subscription;
}

absl::StatusOr<api::Subscription> updated_subscription(
    api::Subscription current, const api::UpdateSubscriptionRequest& request) {
  RETURN_IF_ERROR(check_mask<api::Subscription>(request.update_mask(), "UpdateSubscriptionRequest",
                                                kMutableSubscriptionFields));
  merge(request.subscription(), request.update_mask(), &current);
  return checked_subscription(std::move(current));
}

api::Snapshot snapshot_of(const LogConfig& stored) {
  api::Snapshot snapshot;
  snapshot.ParseFromString(stored.resource);
  snapshot.set_topic(stored.topic);
  *snapshot.mutable_expire_time() = TimeUtil::MicrosecondsToTimestamp(stored.expires_us);
  return snapshot;
}

absl::StatusOr<api::Snapshot> updated_snapshot(api::Snapshot current,
                                               const api::UpdateSnapshotRequest& request) {
  RETURN_IF_ERROR(check_mask<api::Snapshot>(request.update_mask(), "UpdateSnapshotRequest",
                                            kMutableSnapshotFields));
  merge(request.snapshot(), request.update_mask(), &current);
  RETURN_IF_ERROR(check_labels(current.labels()));
  return current;
}

std::int64_t to_us(const google::protobuf::Timestamp& time) {
  // Timestamps of the API are in the years 1 to 9999.
  constexpr std::int64_t kLast_s = 253'402'300'799;
  const auto seconds = std::clamp<std::int64_t>(time.seconds(), -kLast_s, kLast_s);
  return seconds * 1'000'000 + time.nanos() / 1'000;
}

std::int64_t to_us(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace pollbus::broker
