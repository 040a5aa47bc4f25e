#pragma once

// Inside src/bus only.

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/message.h"
#include "bus/inbox.h"

namespace pollbus {

// Reads and writes the messages of google.pubsub.v1 that carry votes and acks, without building
// objects of the protobuf library in between, which costs most of a message's processor time
// (https://protobuf.dev/programming-guides/encoding).

// A PublishRequest that grows message by message. Not thread-safe.
class PublishRequestWriter {
 public:
  // `bytes`: about how many the messages will take.
  PublishRequestWriter(const std::string& topic, std::size_t bytes);
  void add(const Message& message);
  // Leaves the writer unusable.
  grpc::ByteBuffer take();

 private:
  std::string bytes_;
};

// The number of ids in a PublishResponse, or nothing if the bytes are no such message.
std::optional<std::size_t> count_published(const grpc::ByteBuffer& response);

// The messages in a StreamingPullResponse, or nothing if the bytes are no such message. They are
// views of the response's bytes, which are not copied if they are in one piece.
std::optional<std::vector<Inbox::Delivery>> read_pull_response(const grpc::ByteBuffer& response);

// An AcknowledgeRequest; with a deadline, a ModifyAckDeadlineRequest.
grpc::ByteBuffer write_ack_request(const std::string& subscription,
                                   std::span<const std::string_view> ack_ids,
                                   std::optional<int> deadline_seconds);

}  // namespace pollbus
