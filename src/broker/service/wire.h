#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <span>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// A PullResponse, or a StreamingPullResponse when `trailer` is its serialized other fields: both
// have their received messages in field 1. Written straight to the wire, because a message is
// stored serialized; the test holds it against the generated code.
grpc::ByteBuffer encode_deliveries(SubscriptionId subscription,
                                   std::span<const Delivery> deliveries, std::string_view trailer);

// A PublishResponse with `count` ids from `first` on.
grpc::ByteBuffer encode_publish_response(MessageId first, std::size_t count);

// False when `buffer` is no message of this type.
bool decode(grpc::ByteBuffer* buffer, google::protobuf::MessageLite* message);

}  // namespace pollbus::broker
