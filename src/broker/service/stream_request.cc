#include "broker/service/stream_request.h"

#include <fmt/format.h>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/resources.h"

namespace pollbus::broker {

using google::pubsub::v1::StreamingPullRequest;

namespace {

// Checks the fields that every request may have.
absl::Status check_common(const StreamingPullRequest& request) {
  RETURN_IF_ERROR(check_ack_deadline(request.stream_ack_deadline_seconds()));
  if (request.modify_deadline_seconds_size() != request.modify_deadline_ack_ids_size()) {
    return absl::InvalidArgumentError(fmt::format(
        "The request has {} modify_deadline_ack_ids, but {} modify_deadline_seconds.",
        request.modify_deadline_ack_ids_size(), request.modify_deadline_seconds_size()));
  }
  for (const std::int32_t seconds : request.modify_deadline_seconds()) {
    RETURN_IF_ERROR(check_extension(seconds));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_first_request(const StreamingPullRequest& request) {
  RETURN_IF_ERROR(check_subscription_name(request.subscription()));
  return check_common(request);
}

absl::Status check_later_request(const StreamingPullRequest& request) {
  const char* field = nullptr;
  if (!request.subscription().empty()) field = "subscription";
  if (!request.client_id().empty()) field = "client_id";
  if (request.max_outstanding_messages() != 0) field = "max_outstanding_messages";
  if (request.max_outstanding_bytes() != 0) field = "max_outstanding_bytes";
  if (request.protocol_version() != 0) field = "protocol_version";
  if (field != nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("{} can only be set in the first request of a stream.", field));
  }
  return check_common(request);
}

FlowLimits flow_limits(const StreamingPullRequest& request) {
  FlowLimits limits;
  if (request.max_outstanding_messages() > 0) limits.messages = request.max_outstanding_messages();
  if (request.max_outstanding_bytes() > 0) limits.bytes = request.max_outstanding_bytes();
  return limits;
}

std::map<std::int32_t, AckIdTexts> modified_deadlines(const StreamingPullRequest& request) {
  std::map<std::int32_t, AckIdTexts> by_seconds;
  for (int i = 0; i < request.modify_deadline_ack_ids_size(); ++i) {
    *by_seconds[request.modify_deadline_seconds(i)].Add() = request.modify_deadline_ack_ids(i);
  }
  return by_seconds;
}

bool is_ping(const StreamingPullRequest& request) {
  return request.ack_ids().empty() && request.modify_deadline_ack_ids().empty() &&
         request.stream_ack_deadline_seconds() == 0;
}

}  // namespace pollbus::broker
