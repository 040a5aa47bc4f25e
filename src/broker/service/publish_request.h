#pragma once

#include <google/protobuf/arena.h>
#include <google/pubsub/v1/pubsub.pb.h>

#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "broker/core/message.h"

namespace pollbus::broker {

// The limits of https://cloud.google.com/pubsub/quotas#resource_limits.
constexpr std::int64_t kMaxPublishBytes = 10'000'000;
constexpr int kMaxPublishMessages = 1'000;
constexpr std::size_t kMaxAttributes = 100;
constexpr std::size_t kMaxAttributeKeyBytes = 256;
constexpr std::size_t kMaxAttributeValueBytes = 1'024;
constexpr std::size_t kMaxOrderingKeyBytes = 1'024;

// INVALID_ARGUMENT when the request, which has `bytes` on the wire, exceeds a limit or has an empty
// message; FAILED_PRECONDITION when it has several ordering keys.
absl::Status check_publish_request(const google::pubsub::v1::PublishRequest& request,
                                   std::int64_t bytes);

// The messages of a request in the form that the core takes: serialized once, with ids from `first`
// on and with `publish_time` (what the client set there is replaced). The attributes borrow from
// `request` and from this object.
class PublishBatch {
 public:
  PublishBatch(google::pubsub::v1::PublishRequest* request, MessageId first, WallTime publish_time);
  const IncomingBatch& incoming() const { return incoming_; }
  std::size_t bytes() const { return incoming_.body->size(); }

 private:
  std::vector<Attribute> attributes_;
  IncomingBatch incoming_;
};

}  // namespace pollbus::broker
