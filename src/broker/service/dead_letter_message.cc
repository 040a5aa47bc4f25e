#include "broker/service/dead_letter_message.h"

#include <google/protobuf/util/time_util.h>

#include <string>

#include "broker/core/names.h"

namespace pollbus::broker {

absl::StatusOr<google::pubsub::v1::PublishRequest> dead_letter_request(const DeadLetter& letter) {
  google::pubsub::v1::PublishRequest request;
  request.set_topic(letter.topic);
  auto* const message = request.add_messages();
  const std::string_view wire = letter.message.wire();
  if (!message->ParseFromArray(wire.data(), static_cast<int>(wire.size()))) {
    return absl::DataLossError("A stored message cannot be read.");
  }
  auto& attributes = *message->mutable_attributes();
  const std::string_view project = project_of(letter.subscription);
  attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = std::to_string(letter.message.attempt);
  attributes["CloudPubSubDeadLetterSourceSubscription"] = short_id(letter.subscription);
  attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = short_id(project);
  attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] =
      google::protobuf::util::TimeUtil::ToString(message->publish_time());
  return request;
}

}  // namespace pollbus::broker
