#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <span>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// Encodes a PullResponse, or a StreamingPullResponse if `trailer` has its other fields, serialized.
// Both types have the received messages in field 1. The encoding is written by hand because
// messages are stored serialized; the test compares it with the generated code.
grpc::ByteBuffer encode_deliveries(SubscriptionId subscription,
                                   std::span<const Delivery> deliveries, std::string_view trailer);

// Encodes a PublishResponse with `count` consecutive ids from `first` on.
grpc::ByteBuffer encode_publish_response(MessageId first, std::size_t count);

// Whether a request of this type may be parsed: it must not take much more memory then than it has
// bytes.
bool may_parse(grpc::ByteBuffer* request, const google::protobuf::Descriptor& type);

// Parses `buffer`, and returns false when it is not a message of this type or may not be parsed.
bool decode(grpc::ByteBuffer* buffer, google::protobuf::Message* message);

}  // namespace pollbus::broker
