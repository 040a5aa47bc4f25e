#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <map>
#include <string>

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

// Whether an answer with this code acknowledges.
bool acknowledges(int http_status);

}  // namespace pollbus::broker
