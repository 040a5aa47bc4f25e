#include "broker/service/resources.h"

#include <fmt/format.h>
#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <array>

#include "base/status.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

constexpr std::int64_t kMinAckDeadline_s = 10;
constexpr std::int64_t kMaxAckDeadline_s = 600;
constexpr std::int32_t kDefaultAckDeadline_s = 10;
constexpr std::int64_t kDay_s = 24 * 60 * 60;
constexpr std::int64_t kDefaultRetention_s = 7 * kDay_s;
constexpr std::int64_t kDefaultExpiration_s = 31 * kDay_s;

constexpr std::array kMutableTopicFields{"labels", "message_storage_policy",
                                         "message_retention_duration"};
constexpr std::array kMutableSubscriptionFields{"ack_deadline_seconds",
                                                "expiration_policy",
                                                "labels",
                                                "message_retention_duration",
                                                "push_config",
                                                "retain_acked_messages",
                                                "retry_policy",
                                                "dead_letter_policy",
                                                "enable_exactly_once_delivery"};

absl::Status not_implemented(std::string_view what) {
  return absl::UnimplementedError(
      fmt::format("{} is not implemented by this version of pubsub-broker.", what));
}

template <typename Resource>
absl::Status check_mask(const FieldMask& mask, std::string_view request,
                        std::span<const char* const> mutable_fields) {
  if (mask.paths().empty()) {
    return absl::InvalidArgumentError(fmt::format(
        "The update_mask in the {} must be set, and must contain a non-empty paths list.",
        request));
  }
  for (const std::string& path : mask.paths()) {
    const std::string field = path.substr(0, path.find('.'));
    if (!FieldMaskUtil::IsValidPath<Resource>(path)) {
      return absl::InvalidArgumentError(fmt::format(
          "Invalid update_mask provided in the {}: '{}' is not a known field.", request, path));
    }
    if (std::ranges::find(mutable_fields, field) == mutable_fields.end()) {
      return absl::InvalidArgumentError(
          fmt::format("Invalid update_mask provided in the {}: the '{}' field is not mutable.",
                      request, field));
    }
  }
  return absl::OkStatus();
}

template <typename Resource>
void merge(const Resource& update, const FieldMask& mask, Resource* current) {
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  // A merge keeps what the update leaves unset; a mask means to clear it.
  Resource kept = *current;
  for (const std::string& path : mask.paths()) {
    if (path.find('.') != std::string::npos) continue;
    const auto* field = Resource::descriptor()->FindFieldByName(path);
    kept.GetReflection()->ClearField(&kept, field);
  }
  FieldMaskUtil::MergeMessageTo(update, mask, options, &kept);
  *current = std::move(kept);
}

void fill_defaults(api::Subscription* subscription) {
  if (subscription->ack_deadline_seconds() == 0) {
    subscription->set_ack_deadline_seconds(kDefaultAckDeadline_s);
  }
  if (!subscription->has_message_retention_duration()) {
    subscription->mutable_message_retention_duration()->set_seconds(kDefaultRetention_s);
  }
  if (!subscription->has_expiration_policy()) {
    subscription->mutable_expiration_policy()->mutable_ttl()->set_seconds(kDefaultExpiration_s);
  }
  subscription->mutable_push_config();
  subscription->set_state(api::Subscription::ACTIVE);
}

absl::Status check_features(const api::Subscription& subscription) {
  if (!subscription.push_config().push_endpoint().empty()) return not_implemented("push_config");
  if (subscription.has_bigquery_config()) return not_implemented("bigquery_config");
  if (subscription.has_cloud_storage_config()) return not_implemented("cloud_storage_config");
  if (subscription.has_bigtable_config()) return not_implemented("bigtable_config");
  if (subscription.has_dead_letter_policy()) return not_implemented("dead_letter_policy");
  if (subscription.enable_message_ordering()) return not_implemented("enable_message_ordering");
  if (subscription.enable_exactly_once_delivery()) {
    return not_implemented("enable_exactly_once_delivery");
  }
  if (!subscription.message_transforms().empty()) return not_implemented("message_transforms");
  return absl::OkStatus();
}

absl::Status check_features(const api::Topic& topic) {
  if (topic.has_schema_settings()) return not_implemented("schema_settings");
  if (topic.has_ingestion_data_source_settings()) {
    return not_implemented("ingestion_data_source_settings");
  }
  if (!topic.message_transforms().empty()) return not_implemented("message_transforms");
  return absl::OkStatus();
}

}  // namespace

absl::Status check_ack_deadline(std::int64_t seconds) {
  if (seconds == 0 || (seconds >= kMinAckDeadline_s && seconds <= kMaxAckDeadline_s)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("Invalid ack deadline given: {}. It must be from {} to {} seconds.", seconds,
                  kMinAckDeadline_s, kMaxAckDeadline_s));
}

absl::Status check_extension(std::int64_t seconds) {
  if (seconds >= 0 && seconds <= kMaxAckDeadline_s) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("Invalid ack deadline given: {}. It must be from 0 to {} seconds.", seconds,
                  kMaxAckDeadline_s));
}

absl::StatusOr<api::Topic> checked_topic(api::Topic topic) {
  RETURN_IF_ERROR(check_topic_name(topic.name()));
  RETURN_IF_ERROR(check_features(topic));
  topic.clear_tags();
  topic.set_state(api::Topic::ACTIVE);
  return topic;
}

api::Topic topic_of(const Topic& stored) {
  api::Topic topic;
  topic.ParseFromString(stored.resource);
  return topic;
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
  subscription.clear_tags();
  fill_defaults(&subscription);
  return subscription;
}

absl::StatusOr<SubscriptionConfig> config_of(const api::Subscription& subscription) {
  ASSIGN_OR_RETURN(Filter filter, Filter::parse(subscription.filter()));
  return SubscriptionConfig{
      .name = subscription.name(),
      .topic = subscription.topic(),
      .filter = std::move(filter),
      .ack_deadline = std::chrono::seconds(subscription.ack_deadline_seconds()),
      .resource = subscription.SerializeAsString()};
}

api::Subscription subscription_of(const SubscriptionConfig& stored) {
  api::Subscription subscription;
  subscription.ParseFromString(stored.resource);
  subscription.set_topic(stored.topic);
  return subscription;
}

absl::StatusOr<api::Subscription> updated_subscription(
    api::Subscription current, const api::UpdateSubscriptionRequest& request) {
  RETURN_IF_ERROR(check_mask<api::Subscription>(request.update_mask(), "UpdateSubscriptionRequest",
                                                kMutableSubscriptionFields));
  merge(request.subscription(), request.update_mask(), &current);
  return checked_subscription(std::move(current));
}

}  // namespace pollbus::broker
