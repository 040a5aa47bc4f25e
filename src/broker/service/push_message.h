#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "broker/core/message.h"

namespace pollbus::broker {

// How a message looks to a push endpoint (https://cloud.google.com/pubsub/docs/push).
struct PushRequest {
  std::string body;
  std::string content_type;
  std::multimap<std::string, std::string> headers;
};

// As JSON with the message in it, or with `no_wrapper` as its bare data, and what is known of it in
// headers if these are asked for.
PushRequest push_request(const std::string& subscription,
                         const google::pubsub::v1::PushConfig& config, const Delivery& delivery);

// INVALID_ARGUMENT when the endpoint is no URL of http or https, UNIMPLEMENTED for tokens that only
// the service can sign. An empty endpoint is fine: the subscription is pulled from.
absl::Status check_push_config(const google::pubsub::v1::PushConfig& config);

// Whether an answer with this code acknowledges.
bool acknowledges(int http_status);

// Of an endpoint that check_push_config() has let through: "http://host:port" and the rest.
struct EndpointParts {
  std::string server;
  std::string path;
};
EndpointParts parts_of(const std::string& endpoint);

}  // namespace pollbus::broker
