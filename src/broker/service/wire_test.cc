#include "broker/service/wire.h"

#include <google/pubsub/v1/pubsub.pb.h>
#include <gtest/gtest.h>

#include "broker/core/ack_id.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

TEST(WireTest, DeliveriesAreEncodedLikeTheGeneratedCodeDoes) {
  api::StreamingPullResponse expected;
  std::vector<Delivery> deliveries;
  for (const std::size_t size : {1u, 127u, 128u, 100'000u}) {
    auto* received = expected.add_received_messages();
    received->mutable_message()->set_data(std::string(size, 'x'));
    const std::string message = received->message().SerializeAsString();
    AckId::Text text;
    received->set_ack_id(std::string(AckId{3, size, 2}.format(text)));
    deliveries.push_back({.id = size,
                          .attempt = 2,
                          .begin = 3,
                          .bytes = static_cast<std::uint32_t>(message.size()),
                          .body = std::make_shared<const std::string>("abc" + message + "def")});
  }
  expected.mutable_subscription_properties();
  api::StreamingPullResponse trailer;
  trailer.mutable_subscription_properties();
  const auto buffer = encode_deliveries(3, deliveries, trailer.SerializeAsString());
  EXPECT_EQ(bytes_of(buffer), expected.SerializeAsString());
}

TEST(WireTest, PublishResponsesAreEncodedLikeTheGeneratedCodeDoes) {
  api::PublishResponse expected;
  for (int i = 98; i < 103; ++i) expected.add_message_ids(std::to_string(i));
  EXPECT_EQ(bytes_of(encode_publish_response(98, 5)), expected.SerializeAsString());
}

TEST(WireTest, BytesThatAreNotAMessageAreNotDecoded) {
  const grpc::Slice slice(std::string("\xff\xff\xff"));
  grpc::ByteBuffer buffer(&slice, 1);
  api::PublishRequest request;
  EXPECT_FALSE(decode(&buffer, &request));
}

TEST(WireTest, RequestsThatWouldTakeMuchMoreMemoryThanTheirSizeAreNotDecoded) {
  std::string bytes;
  for (int i = 0; i < 5'000'000; ++i) bytes.append("\x12\x00", 2);  // an empty message
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer buffer(&slice, 1);
  api::PublishRequest request;
  EXPECT_FALSE(decode(&buffer, &request));
  // The largest publish that the limits allow.
  api::PublishRequest largest;
  for (int i = 0; i < 1'000; ++i) {
    auto* const message = largest.add_messages();
    message->set_data(std::string(8'000, 'x'));
    for (int j = 0; j < 100; ++j)
      (*message->mutable_attributes())[std::to_string(j)] = "0123456789";
  }
  const grpc::Slice large(largest.SerializeAsString());
  grpc::ByteBuffer large_buffer(&large, 1);
  EXPECT_TRUE(decode(&large_buffer, &request));
}

}  // namespace
}  // namespace pollbus::broker
