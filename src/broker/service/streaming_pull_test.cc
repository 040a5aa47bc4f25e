#include <gmock/gmock.h>

#include <mutex>
#include <set>
#include <thread>

#include "broker/service/service_test_client.h"

namespace pollbus::broker {
namespace {

using google::pubsub::v1::StreamingPullRequest;
using google::pubsub::v1::StreamingPullResponse;

class StreamingPullTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(create_topic(kTopic).ok());
    ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  }
  static StreamingPullRequest first_request() {
    StreamingPullRequest request;
    request.set_subscription(kSubscription);
    request.set_stream_ack_deadline_seconds(10);
    request.set_protocol_version(1);
    return request;
  }
  // Opens a stream and reads its first response.
  std::unique_ptr<Stream> open(TestContext* context,
                               const StreamingPullRequest& request = first_request()) {
    auto stream = subscriber->StreamingPull(context);
    EXPECT_TRUE(stream->Write(request));
    StreamingPullResponse response;
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_TRUE(response.has_subscription_properties());
    EXPECT_TRUE(response.received_messages().empty());
    return stream;
  }
  static std::vector<google::pubsub::v1::ReceivedMessage> read(Stream* stream,
                                                               std::size_t at_least) {
    std::vector<google::pubsub::v1::ReceivedMessage> messages;
    StreamingPullResponse response;
    while (messages.size() < at_least && stream->Read(&response)) {
      EXPECT_TRUE(response.has_subscription_properties());
      for (const auto& message : response.received_messages()) messages.push_back(message);
    }
    return messages;
  }
  static std::vector<std::string> ack_ids(
      const std::vector<google::pubsub::v1::ReceivedMessage>& messages) {
    std::vector<std::string> ids;
    for (const auto& message : messages) ids.push_back(message.ack_id());
    return ids;
  }
  grpc::Status status_after(const StreamingPullRequest& later) {
    TestContext context;
    const auto stream = open(&context);
    EXPECT_TRUE(stream->Write(later));
    StreamingPullResponse response;
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  }
  grpc::Status status_of_first(const StreamingPullRequest& request) {
    TestContext context;
    const auto stream = subscriber->StreamingPull(&context);
    EXPECT_TRUE(stream->Write(request));
    StreamingPullResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return stream->Finish();
  }
};

TEST_F(StreamingPullTest, AHalfCloseEndsTheStreamWithOk) {
  TestContext context;
  const auto stream = open(&context);
  ASSERT_TRUE(stream->WritesDone());
  StreamingPullResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamingPullTest, APingIsAnsweredWithAnEmptyResponse) {
  TestContext context;
  const auto stream = open(&context);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Write(StreamingPullRequest()));
    StreamingPullResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_TRUE(response.received_messages().empty());
    EXPECT_TRUE(response.has_subscription_properties());
  }
}

TEST_F(StreamingPullTest, AMessageIsDeliveredWithIdTimeAndAttributes) {
  TestContext context;
  const auto stream = open(&context);
  google::pubsub::v1::PublishRequest request;
  request.set_topic(kTopic);
  auto* message = request.add_messages();
  message->set_data("vote");
  message->set_message_id("chosen by the client");
  message->mutable_publish_time()->set_seconds(1);
  (*message->mutable_attributes())["function"] = "result";
  (*message->mutable_attributes())["machineID"] = "3";
  google::pubsub::v1::PublishResponse published;
  ASSERT_TRUE(publish(request, &published).ok());
  ASSERT_EQ(published.message_ids_size(), 1);
  const auto messages = read(stream.get(), 1);
  ASSERT_EQ(messages.size(), 1u);
  const auto& received = messages.front().message();
  EXPECT_EQ(received.data(), "vote");
  EXPECT_EQ(received.message_id(), published.message_ids(0));
  EXPECT_GT(received.publish_time().seconds(), 1'600'000'000);
  EXPECT_EQ(received.attributes().at("function"), "result");
  EXPECT_EQ(received.attributes().at("machineID"), "3");
  EXPECT_EQ(received.attributes().size(), 2u);
  EXPECT_EQ(messages.front().delivery_attempt(), 0);
}

TEST_F(StreamingPullTest, AcksOnTheStreamEndTheLeases) {
  TestContext context;
  const auto stream = open(&context);
  ASSERT_TRUE(publish(kTopic, 3).ok());
  const auto messages = read(stream.get(), 3);
  StreamingPullRequest acks;
  acks.add_ack_ids(messages[0].ack_id());
  acks.add_modify_deadline_ack_ids(messages[1].ack_id());
  acks.add_modify_deadline_seconds(600);
  acks.add_modify_deadline_ack_ids(messages[2].ack_id());
  acks.add_modify_deadline_seconds(0);
  ASSERT_TRUE(stream->Write(acks));
  const auto again = read(stream.get(), 1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].message().message_id(), messages[2].message().message_id());
  EXPECT_NE(again[0].ack_id(), messages[2].ack_id());
}

TEST_F(StreamingPullTest, UnaryAcksAndNacksGiveFlowControlCreditBack) {
  StreamingPullRequest request = first_request();
  request.set_max_outstanding_messages(2);
  TestContext context;
  const auto stream = open(&context, request);
  ASSERT_TRUE(publish(kTopic, 5).ok());
  auto messages = read(stream.get(), 2);
  ASSERT_EQ(messages.size(), 2u);
  // The answer to this ping is the next thing that arrives.
  ASSERT_TRUE(stream->Write(StreamingPullRequest()));
  StreamingPullResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.received_messages().empty());
  ASSERT_TRUE(acknowledge(kSubscription, ack_ids(messages)).ok());
  messages = read(stream.get(), 2);
  ASSERT_EQ(messages.size(), 2u);
  ASSERT_TRUE(modify(kSubscription, messages[0].ack_id(), 0).ok());
  EXPECT_EQ(read(stream.get(), 1).size(), 1u);
}

TEST_F(StreamingPullTest, TwoStreamsShareTheMessages) {
  TestContext first_context;
  TestContext second_context;
  const auto first = open(&first_context);
  const auto second = open(&second_context);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish(kTopic, 10).ok());
  std::atomic<int> received_in_all = 0;
  std::atomic<int> shares[2] = {0, 0};
  const auto read_all = [&](Stream* stream, TestContext* own, TestContext* other, int index) {
    StreamingPullResponse response;
    while (stream->Read(&response)) {
      shares[index] += response.received_messages_size();
      received_in_all += response.received_messages_size();
      if (received_in_all < 200) continue;
      own->TryCancel();
      other->TryCancel();
    }
  };
  std::thread reader([&] { read_all(second.get(), &second_context, &first_context, 1); });
  read_all(first.get(), &first_context, &second_context, 0);
  reader.join();
  EXPECT_EQ(received_in_all, 200);
  // The shares depend on how fast each stream reads; the tests of the queue check them exactly.
  EXPECT_GT(shares[0], 0);
  EXPECT_GT(shares[1], 0);
}

TEST_F(StreamingPullTest, NoMessageIsLostWhileStreamsOpenAndCloseUnderLoad) {
  constexpr int kPublishers = 2;
  constexpr int kReaders = 3;
  constexpr int kPublishes = 50;
  constexpr int kBatch = 20;
  std::mutex mutex;
  std::set<std::string> received;
  const auto everything = [&] {
    const std::lock_guard lock(mutex);
    return received.size() == kPublishers * kPublishes * kBatch;
  };
  // Each stream reads a little, half-closes, reads what was already sent, and acks all of it.
  const auto read_by_many_streams = [&] {
    while (!everything()) {
      TestContext context;
      const auto stream = open(&context);
      bool is_closed = false;
      StreamingPullResponse response;
      std::vector<std::string> ids;
      ASSERT_TRUE(stream->Write(StreamingPullRequest()));  // so that there is something to read
      while (stream->Read(&response)) {
        const std::lock_guard lock(mutex);
        for (const auto& message : response.received_messages()) {
          ids.push_back(message.ack_id());
          EXPECT_TRUE(received.insert(message.message().message_id()).second);
        }
        if (!is_closed) is_closed = stream->WritesDone();
      }
      EXPECT_TRUE(stream->Finish().ok());
      if (!ids.empty()) {
        EXPECT_TRUE(acknowledge(kSubscription, ids).ok());
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kPublishes; ++n) EXPECT_TRUE(publish(kTopic, kBatch).ok());
    });
  }
  for (int i = 0; i < kReaders; ++i) threads.emplace_back(read_by_many_streams);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(everything());
}

TEST_F(StreamingPullTest, TheSizeOfAResponseIsBounded) {
  ASSERT_TRUE(publish(kTopic, 1'000, std::string(9'000, 'x')).ok());
  ASSERT_TRUE(publish(kTopic, 1'000, std::string(9'000, 'x')).ok());
  TestContext context;
  const auto stream = open(&context);
  int received = 0;
  StreamingPullResponse response;
  while (received < 2'000 && stream->Read(&response)) {
    EXPECT_LE(response.received_messages_size(), 1'000);
    EXPECT_LE(response.ByteSizeLong(), 4u << 20);
    received += response.received_messages_size();
  }
  EXPECT_EQ(received, 2'000);
}

TEST_F(StreamingPullTest, ALeaseContinuesAfterItsStreamEnds) {
  std::vector<google::pubsub::v1::ReceivedMessage> messages;
  {
    TestContext context;
    const auto stream = open(&context);
    ASSERT_TRUE(publish(kTopic, 1).ok());
    messages = read(stream.get(), 1);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  google::pubsub::v1::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 1, &response, true).ok());
  EXPECT_EQ(response.received_messages_size(), 0);
  ASSERT_TRUE(modify(kSubscription, messages.at(0).ack_id(), 0).ok());
  ASSERT_TRUE(pull(kSubscription, 1, &response, true).ok());
  EXPECT_EQ(response.received_messages_size(), 1);
}

TEST_F(StreamingPullTest, ADeletedSubscriptionEndsOpenStreamsWithNotFound) {
  TestContext context;
  const auto stream = open(&context);
  ASSERT_TRUE(delete_subscription(kSubscription).ok());
  StreamingPullResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "Resource not found (resource=all).");
}

TEST_F(StreamingPullTest, AShutdownEndsOpenStreamsWithUnavailable) {
  TestContext context;
  const auto stream = open(&context);
  server->shut_down();
  StreamingPullResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(StreamingPullTest, AcksDuringAShutdownStillCount) {
  TestContext context;
  const auto stream = open(&context);
  ASSERT_TRUE(publish(kTopic, 1).ok());
  const auto messages = read(stream.get(), 1);
  const std::jthread shutdown([this] { server->shut_down(); });
  StreamingPullResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  const grpc::Status status = acknowledge(kSubscription, ack_ids(messages));
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(StreamingPullTest, FieldsOfTheFirstRequestCannotBeSetAgain) {
  std::vector<StreamingPullRequest> later(5);
  later[0].set_subscription(kSubscription);
  later[1].set_max_outstanding_messages(5);
  later[2].set_max_outstanding_bytes(5);
  later[3].set_protocol_version(1);
  later[4].set_client_id("client");
  for (const StreamingPullRequest& request : later) {
    EXPECT_EQ(status_after(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << request.ShortDebugString();
  }
}

TEST_F(StreamingPullTest, AnInvalidRequestEndsTheStream) {
  StreamingPullRequest uneven;
  uneven.add_modify_deadline_ack_ids("1-1-1");
  EXPECT_EQ(status_after(uneven).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  StreamingPullRequest beyond;
  beyond.add_modify_deadline_ack_ids("1-1-1");
  beyond.add_modify_deadline_seconds(601);
  EXPECT_EQ(status_after(beyond).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  StreamingPullRequest request = first_request();
  request.set_stream_ack_deadline_seconds(9);
  EXPECT_EQ(status_of_first(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = first_request();
  request.set_subscription("");
  EXPECT_EQ(status_of_first(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_subscription("projects/p/subscriptions/none");
  EXPECT_EQ(status_of_first(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamingPullTest, StaleAndForeignAckIdsAreIgnored) {
  TestContext context;
  const auto stream = open(&context);
  ASSERT_TRUE(publish(kTopic, 1).ok());
  const auto messages = read(stream.get(), 1);
  StreamingPullRequest acks;
  for (int i = 0; i < 2; ++i) acks.add_ack_ids(messages.at(0).ack_id());
  acks.add_ack_ids("99-1-1");
  acks.add_ack_ids("of another make");
  ASSERT_TRUE(stream->Write(acks));
  ASSERT_TRUE(stream->Write(StreamingPullRequest()));
  StreamingPullResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_TRUE(acknowledge(kSubscription, ack_ids(messages)).ok());
}

}  // namespace
}  // namespace pollbus::broker
