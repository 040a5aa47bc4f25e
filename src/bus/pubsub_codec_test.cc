#include "bus/pubsub_codec.h"

#include <google/pubsub/v1/pubsub.pb.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace pollbus {
namespace {

namespace api = google::pubsub::v1;

std::string bytes_in(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// In slices of a few bytes, so that fields lie across their borders.
grpc::ByteBuffer in_slices(const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += 7) slices.emplace_back(bytes.substr(at, 7));
  return {slices.data(), slices.size()};
}

api::StreamingPullResponse pull_response() {
  api::StreamingPullResponse response;
  for (int i = 0; i < 3; ++i) {
    auto& received = *response.add_received_messages();
    received.set_ack_id("ack " + std::to_string(i));
    received.set_delivery_attempt(i);
    auto& message = *received.mutable_message();
    message.set_data(std::string(200, 'd') + std::to_string(i));
    message.set_message_id(std::to_string(1000 + i));
    message.mutable_publish_time()->set_seconds(1'700'000'000);
    message.set_ordering_key("key");
    (*message.mutable_attributes())["function"] = "result";
    (*message.mutable_attributes())["empty"] = "";
  }
  response.mutable_subscription_properties()->set_message_ordering_enabled(true);
  return response;
}

TEST(PubsubCodec, WritesPublishRequestsThatTheLibraryReads) {
  const Message first{.data = std::string(300, 'x'),
                      .attributes = {{"function", "result"}, {"", ""}}};
  const Message second{.data = "", .attributes = {}};
  PublishRequestWriter writer("projects/p/topics/t", 0);
  writer.add(first);
  writer.add(second);
  api::PublishRequest request;
  ASSERT_TRUE(request.ParseFromString(bytes_in(writer.take())));
  EXPECT_EQ(request.topic(), "projects/p/topics/t");
  ASSERT_EQ(request.messages_size(), 2);
  EXPECT_EQ(request.messages(0).data(), first.data);
  const auto& attributes = request.messages(0).attributes();
  EXPECT_EQ((Attributes(attributes.begin(), attributes.end())), first.attributes);
  EXPECT_TRUE(request.messages(1).data().empty());
}

TEST(PubsubCodec, ReadsPullResponsesThatTheLibraryWrites) {
  const auto deliveries = read_pull_response(in_slices(pull_response().SerializeAsString()));
  ASSERT_TRUE(deliveries.has_value());
  ASSERT_EQ(deliveries->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Inbox::Delivery& delivery = (*deliveries)[i];
    EXPECT_EQ(delivery.ack_id, "ack " + std::to_string(i));
    EXPECT_EQ(delivery.bytes, 201);
    EXPECT_EQ(delivery.message.id, std::to_string(1000 + i));
    EXPECT_EQ(delivery.message.data, std::string(200, 'd') + std::to_string(i));
    const auto& attributes = delivery.message.attributes;
    EXPECT_EQ((Attributes(attributes.begin(), attributes.end())),
              (Attributes{{"function", "result"}, {"empty", ""}}));
  }
}

TEST(PubsubCodec, ReadsResponsesWithoutMessages) {
  ASSERT_TRUE(read_pull_response(grpc::ByteBuffer()).has_value());
  EXPECT_TRUE(read_pull_response(grpc::ByteBuffer())->empty());
}

// A response that is cut off is refused, or has lost whole messages at its end: never half of one.
TEST(PubsubCodec, NoPrefixOfAPullResponseHasHalfAMessage) {
  const std::string whole = pull_response().SerializeAsString();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto deliveries = read_pull_response(in_slices(whole.substr(0, size)));
    if (!deliveries) continue;
    for (const Inbox::Delivery& delivery : *deliveries) EXPECT_EQ(delivery.bytes, 201) << size;
  }
}

TEST(PubsubCodec, RefusesWhatIsNoMessage) {
  for (const std::string& bytes :
       {std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), std::string("\x0a\x05"),
        std::string(11, '\xff'), std::string("\x0b"), std::string("\0\0", 2)}) {
    EXPECT_FALSE(read_pull_response(in_slices(bytes)).has_value());
    EXPECT_FALSE(count_published(in_slices(bytes)).has_value());
  }
}

// The messages hold the bytes: the response may be gone.
TEST(PubsubCodec, MessagesOutliveTheirResponse) {
  auto response =
      std::make_unique<grpc::ByteBuffer>(in_slices(pull_response().SerializeAsString()));
  auto deliveries = read_pull_response(*response);
  response.reset();
  const ReceivedMessage last = deliveries->back().message;
  deliveries->clear();
  EXPECT_EQ(last.data, std::string(200, 'd') + "2");
  EXPECT_EQ(last.attribute("function"), "result");
}

// As the protobuf library reads a map.
TEST(PubsubCodec, OfAttributesWithOneNameTheLastCounts) {
  const std::string name = "\x0a\x01n";
  const std::string first = "\x12\x05" + name + std::string("\x12\x00", 2);
  const std::string second = "\x12\x06" + name + "\x12\x01" + "b";
  const std::string message = first + second;
  const std::string received = "\x12" + std::string(1, static_cast<char>(message.size())) + message;
  const std::string response =
      "\x0a" + std::string(1, static_cast<char>(received.size())) + received;
  const auto deliveries = read_pull_response(in_slices(response));
  ASSERT_TRUE(deliveries.has_value());
  ASSERT_EQ(deliveries->size(), 1U);
  EXPECT_EQ(deliveries->front().message.attributes.size(), 1U);
  EXPECT_EQ(deliveries->front().message.attribute("n"), "b");
}

TEST(PubsubCodec, CountsTheIdsInPublishResponsesThatTheLibraryWrites) {
  api::PublishResponse response;
  response.add_message_ids("12");
  response.add_message_ids("a longer id, as other servers have them");
  EXPECT_EQ(count_published(in_slices(response.SerializeAsString())), 2U);
}

TEST(PubsubCodec, WritesAcksAndDeadlinesThatTheLibraryReads) {
  const std::string long_id(200, 'b');
  const std::vector<std::string_view> ids = {"a", long_id};
  api::AcknowledgeRequest ack;
  ASSERT_TRUE(ack.ParseFromString(bytes_in(write_ack_request("s", ids, std::nullopt))));
  EXPECT_EQ(ack.subscription(), "s");
  EXPECT_EQ(std::vector<std::string_view>(ack.ack_ids().begin(), ack.ack_ids().end()), ids);
  for (const int seconds : {0, 10, 600}) {
    api::ModifyAckDeadlineRequest modify;
    ASSERT_TRUE(modify.ParseFromString(bytes_in(write_ack_request("s", ids, seconds))));
    EXPECT_EQ(modify.subscription(), "s");
    EXPECT_EQ(modify.ack_deadline_seconds(), seconds);
    EXPECT_EQ(std::vector<std::string_view>(modify.ack_ids().begin(), modify.ack_ids().end()), ids);
  }
}

}  // namespace
}  // namespace pollbus
