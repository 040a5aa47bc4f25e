// Exactly-once delivery, ordering, retries and dead letters, as clients see them.

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "broker/service/service_test_client.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DeliveryFeaturesTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(create_topic(kTopic).ok());
    wanted.set_name(kSubscription);
    wanted.set_topic(kTopic);
  }
  void create() {
    const grpc::Status status = create_subscription(wanted);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  void want_dead_letters(int attempts) {
    if (create_topic(kDeadTopic).ok()) {
      ASSERT_TRUE(create_subscription(kDead, kDeadTopic).ok());
    }
    wanted.mutable_dead_letter_policy()->set_dead_letter_topic(kDeadTopic);
    wanted.mutable_dead_letter_policy()->set_max_delivery_attempts(attempts);
  }
  api::ReceivedMessage pull_one(const std::string& subscription) {
    api::PullResponse response;
    EXPECT_TRUE(pull(subscription, 1, &response).ok());
    EXPECT_EQ(response.received_messages_size(), 1);
    return response.received_messages_size() == 1 ? response.received_messages(0)
                                                  : api::ReceivedMessage();
  }
  void use_up_attempts(int attempts) {
    for (int attempt = 1; attempt <= attempts; ++attempt) {
      const api::ReceivedMessage received = pull_one(kSubscription);
      EXPECT_EQ(received.delivery_attempt(), attempt);
      ASSERT_TRUE(modify(kSubscription, received.ack_id(), 0).ok());
    }
  }
  static google::rpc::ErrorInfo error_info(const grpc::Status& status) {
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
    EXPECT_EQ(details.details_size(), 1);
    EXPECT_TRUE(details.details(0).UnpackTo(&info));
    return info;
  }

  api::Subscription wanted;
};

TEST_F(DeliveryFeaturesTest, WithExactlyOnceDeliveryAFailedAckSaysWhichIdsAndWhy) {
  wanted.set_enable_exactly_once_delivery(true);
  create();
  ASSERT_TRUE(publish(kTopic, 2).ok());
  api::PullResponse pulled;
  ASSERT_TRUE(pull(kSubscription, 10, &pulled).ok());
  ASSERT_EQ(pulled.received_messages_size(), 2);
  const std::string first = pulled.received_messages(0).ack_id();
  const std::string second = pulled.received_messages(1).ack_id();
  EXPECT_TRUE(acknowledge(kSubscription, {first}).ok());
  const grpc::Status status = acknowledge(kSubscription, {first, second, "nonsense"});
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  const google::rpc::ErrorInfo info = error_info(status);
  EXPECT_EQ(info.reason(), "EXACTLY_ONCE_ACKID_FAILURE");
  EXPECT_EQ(info.domain(), "pubsub.googleapis.com");
  EXPECT_THAT(info.metadata(),
              UnorderedElementsAre(Pair(first, "PERMANENT_FAILURE_INVALID_ACK_ID"),
                                   Pair("nonsense", "PERMANENT_FAILURE_INVALID_ACK_ID")));
  EXPECT_EQ(modify(kSubscription, second, 30).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeliveryFeaturesTest, WithoutExactlyOnceDeliveryStaleIdsAreIgnored) {
  create();
  ASSERT_TRUE(publish(kTopic, 1).ok());
  const std::string id = pull_one(kSubscription).ack_id();
  EXPECT_TRUE(acknowledge(kSubscription, {id, "nonsense"}).ok());
  EXPECT_TRUE(acknowledge(kSubscription, {id}).ok());
  EXPECT_TRUE(modify(kSubscription, id, 10).ok());
}

TEST_F(DeliveryFeaturesTest, WithExactlyOnceDeliveryAcksOutOfOrderFailTemporarily) {
  wanted.set_enable_exactly_once_delivery(true);
  wanted.set_enable_message_ordering(true);
  create();
  api::PublishRequest request;
  request.set_topic(kTopic);
  for (int i = 0; i < 2; ++i) {
    request.add_messages()->set_data("x");
    request.mutable_messages(i)->set_ordering_key("k");
  }
  ASSERT_TRUE(publish(request).ok());
  api::PullResponse pulled;
  ASSERT_TRUE(pull(kSubscription, 10, &pulled).ok());
  ASSERT_EQ(pulled.received_messages_size(), 2);
  const std::string second = pulled.received_messages(1).ack_id();
  EXPECT_THAT(error_info(acknowledge(kSubscription, {second})).metadata(),
              ElementsAre(Pair(second, "TRANSIENT_FAILURE_UNORDERED_ACK_ID")));
  EXPECT_TRUE(acknowledge(kSubscription, {pulled.received_messages(0).ack_id(), second}).ok());
}

TEST_F(DeliveryFeaturesTest, AStreamShowsPropertiesAndConfirmsAcks) {
  wanted.set_enable_exactly_once_delivery(true);
  wanted.set_enable_message_ordering(true);
  create();
  TestContext context;
  const std::unique_ptr<Stream> stream = subscriber->StreamingPull(&context);
  api::StreamingPullRequest request;
  request.set_subscription(kSubscription);
  request.set_stream_ack_deadline_seconds(10);
  ASSERT_TRUE(stream->Write(request));
  api::StreamingPullResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.subscription_properties().exactly_once_delivery_enabled());
  EXPECT_TRUE(response.subscription_properties().message_ordering_enabled());
  ASSERT_TRUE(publish(kTopic, 1).ok());
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.received_messages_size(), 1);
  EXPECT_TRUE(response.subscription_properties().exactly_once_delivery_enabled());
  const std::string id = response.received_messages(0).ack_id();
  request.Clear();
  request.add_modify_deadline_ack_ids(id);
  request.add_modify_deadline_seconds(20);
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.modify_ack_deadline_confirmation().ack_ids(), ElementsAre(id));
  request.Clear();
  request.add_ack_ids(id);
  request.add_ack_ids("nonsense");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.acknowledge_confirmation().ack_ids(), ElementsAre(id));
  EXPECT_THAT(response.acknowledge_confirmation().invalid_ack_ids(), ElementsAre("nonsense"));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(DeliveryFeaturesTest, ADeadLetterSaysWhereItComesFrom) {
  want_dead_letters(5);
  create();
  api::PublishRequest request;
  request.set_topic(kTopic);
  request.add_messages()->set_data("ballot");
  request.mutable_messages(0)->set_ordering_key("k");
  (*request.mutable_messages(0)->mutable_attributes())["own"] = "value";
  ASSERT_TRUE(publish(request).ok());
  use_up_attempts(5);
  const api::ReceivedMessage dead = pull_one(kDead);
  EXPECT_EQ(dead.message().data(), "ballot");
  EXPECT_EQ(dead.message().ordering_key(), "k");
  EXPECT_EQ(dead.delivery_attempt(), 0);
  const auto& attributes = dead.message().attributes();
  EXPECT_EQ(attributes.at("own"), "value");
  EXPECT_EQ(attributes.at("CloudPubSubDeadLetterSourceDeliveryCount"), "5");
  EXPECT_EQ(attributes.at("CloudPubSubDeadLetterSourceSubscription"), "all");
  EXPECT_EQ(attributes.at("CloudPubSubDeadLetterSourceSubscriptionProject"), "p");
  EXPECT_THAT(attributes.at("CloudPubSubDeadLetterSourceTopicPublishTime"),
              ::testing::MatchesRegex("20..-..-..T.*Z"));
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 1, &response, true).ok());
  EXPECT_EQ(response.received_messages_size(), 0);
}

TEST_F(DeliveryFeaturesTest, ADeadLetterStaysMovedAfterARestart) {
  const pollbus::testing::TemporaryFolder folder;
  start({}, folder / "data");
  ASSERT_TRUE(create_topic(kTopic).ok());
  want_dead_letters(5);
  create();
  ASSERT_TRUE(publish(kTopic, 1, std::string(1'000'000, 'x')).ok());
  use_up_attempts(5);
  EXPECT_EQ(pull_one(kDead).message().data().size(), 1'000'000u);
  start({}, folder / "data");
  EXPECT_EQ(pull_one(kDead).message().data().size(), 1'000'000u);
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 1, &response, true).ok());
  EXPECT_EQ(response.received_messages_size(), 0);
}

TEST_F(DeliveryFeaturesTest, ADeadLetterTopicMustExist) {
  wanted.mutable_dead_letter_policy()->set_dead_letter_topic(kDeadTopic);
  EXPECT_EQ(create_subscription(wanted).error_code(), StatusCode::NOT_FOUND);
  want_dead_letters(0);  // means 5
  for (const int attempts : {4, 101, -1}) {
    wanted.mutable_dead_letter_policy()->set_max_delivery_attempts(attempts);
    EXPECT_EQ(create_subscription(wanted).error_code(), StatusCode::INVALID_ARGUMENT);
  }
  wanted.mutable_dead_letter_policy()->set_max_delivery_attempts(0);
  create();
  EXPECT_EQ(shown(kSubscription).dead_letter_policy().max_delivery_attempts(), 5);
}

TEST_F(DeliveryFeaturesTest, WithExactlyOnceDeliveryAnAckedMessageIsNotDeliveredAgain) {
  const pollbus::testing::TemporaryFolder folder;
  start({}, folder / "data");
  ASSERT_TRUE(create_topic(kTopic).ok());
  wanted.set_enable_exactly_once_delivery(true);
  create();
  ASSERT_TRUE(publish(kTopic, 3).ok());
  api::PullResponse pulled;
  ASSERT_TRUE(pull(kSubscription, 2, &pulled).ok());
  std::vector<std::string> ids;
  for (const auto& received : pulled.received_messages()) ids.push_back(received.ack_id());
  ASSERT_TRUE(acknowledge(kSubscription, ids).ok());
  start({}, folder / "data");
  ASSERT_TRUE(pull(kSubscription, 10, &pulled).ok());
  EXPECT_EQ(pulled.received_messages_size(), 3 - static_cast<int>(ids.size()));
}

TEST_F(DeliveryFeaturesTest, WithExactlyOnceDeliveryALeaseContinuesAfterARestart) {
  const pollbus::testing::TemporaryFolder folder;
  start({}, folder / "data");
  ASSERT_TRUE(create_topic(kTopic).ok());
  wanted.set_enable_exactly_once_delivery(true);
  create();
  ASSERT_TRUE(publish(kTopic, 1).ok());
  const std::string id = pull_one(kSubscription).ack_id();
  start({}, folder / "data");
  ASSERT_TRUE(publish(kTopic, 1).ok());
  EXPECT_NE(pull_one(kSubscription).ack_id(), id) << "somebody has that one";
  const grpc::Status status = acknowledge(kSubscription, {id});
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(DeliveryFeaturesTest, ANackedMessageIsDeliveredAfterItsBackoff) {
  wanted.mutable_retry_policy()->mutable_minimum_backoff()->set_nanos(300'000'000);
  wanted.mutable_retry_policy()->mutable_maximum_backoff()->set_seconds(1);
  create();
  ASSERT_TRUE(publish(kTopic, 1).ok());
  const std::string id = pull_one(kSubscription).ack_id();
  const auto nacked = std::chrono::steady_clock::now();
  ASSERT_TRUE(modify(kSubscription, id, 0).ok());
  pull_one(kSubscription);
  EXPECT_GE(std::chrono::steady_clock::now() - nacked, std::chrono::milliseconds(300));
}

}  // namespace
}  // namespace pollbus::broker
