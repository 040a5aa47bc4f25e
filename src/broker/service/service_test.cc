#include <gmock/gmock.h>

#include <thread>

#include "broker/service/publish_request.h"
#include "broker/service/service_test_client.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::HasSubstr;

TEST_F(ServiceTest, TopicsAreCreatedShownListedAndDeleted) {
  for (const char* name : {"aaa", "bbb", "ccc"}) {
    ASSERT_TRUE(create_topic(std::string("projects/p/topics/") + name).ok());
  }
  ASSERT_TRUE(create_topic("projects/pp/topics/ddd").ok());
  api::ListTopicsRequest request;
  request.set_project("projects/p");
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    TestContext context;
    api::ListTopicsResponse response;
    ASSERT_TRUE(publisher->ListTopics(&context, request, &response).ok());
    EXPECT_LE(response.topics_size(), 2);
    for (const api::Topic& topic : response.topics()) names.push_back(topic.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ::testing::ElementsAre("projects/p/topics/aaa", "projects/p/topics/bbb",
                                            "projects/p/topics/ccc"));
  api::DeleteTopicRequest deletion;
  deletion.set_topic("projects/p/topics/aaa");
  google::protobuf::Empty empty;
  TestContext first;
  EXPECT_TRUE(publisher->DeleteTopic(&first, deletion, &empty).ok());
  TestContext second;
  const grpc::Status again = publisher->DeleteTopic(&second, deletion, &empty);
  EXPECT_EQ(again.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(again.error_message(), "Resource not found (resource=aaa).");
}

TEST_F(ServiceTest, ErrorsHaveTheCodesAndTextsOfTheService) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  const grpc::Status twice = create_topic(kTopic);
  EXPECT_EQ(twice.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(twice.error_message(), "Resource already exists in the project (resource=election).");
  const grpc::Status orphan = create_subscription(kSubscription, "projects/p/topics/none");
  EXPECT_EQ(orphan.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(orphan.error_message(), "Resource not found (resource=none).");
  EXPECT_EQ(create_topic("projects/p/topics/x").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish("projects/p/topics/none", 1).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(acknowledge("projects/p/subscriptions/none", {"1-1-1"}).error_code(),
            StatusCode::NOT_FOUND);
  const grpc::Status filter = create_subscription(kSubscription, kTopic, "attributes.a > \"x\"");
  EXPECT_EQ(filter.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(filter.error_message(), HasSubstr("at character 14"));
  EXPECT_EQ(create_subscription(kSubscription, kTopic, std::string(257, ' ')).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, ASubscriptionIsShownWithItsDefaults) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic, "attributes:a").ok());
  api::GetSubscriptionRequest request;
  request.set_subscription(kSubscription);
  api::Subscription shown;
  TestContext context;
  ASSERT_TRUE(subscriber->GetSubscription(&context, request, &shown).ok());
  EXPECT_EQ(shown.topic(), kTopic);
  EXPECT_EQ(shown.filter(), "attributes:a");
  EXPECT_EQ(shown.ack_deadline_seconds(), 10);
  EXPECT_EQ(shown.message_retention_duration().seconds(), 7 * 24 * 3600);
  EXPECT_EQ(shown.state(), api::Subscription::ACTIVE);
  TestContext list_context;
  api::ListTopicSubscriptionsRequest list;
  api::ListTopicSubscriptionsResponse listed;
  list.set_topic(kTopic);
  ASSERT_TRUE(publisher->ListTopicSubscriptions(&list_context, list, &listed).ok());
  EXPECT_THAT(listed.subscriptions(), ::testing::ElementsAre(kSubscription));
}

TEST_F(ServiceTest, AnAckDeadlineIsFrom10To600Seconds) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  for (const int seconds : {-1, 1, 9, 601}) {
    api::Subscription request;
    request.set_name(kSubscription);
    request.set_topic(kTopic);
    request.set_ack_deadline_seconds(seconds);
    EXPECT_EQ(create_subscription(request).error_code(), StatusCode::INVALID_ARGUMENT) << seconds;
  }
}

TEST_F(ServiceTest, FeaturesThatTheBrokerDoesNotHaveAreUnimplemented) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  std::vector<api::Subscription> requests(4);
  requests[0].mutable_bigquery_config()->set_table("p.d.t");
  requests[1].mutable_cloud_storage_config()->set_bucket("bucket");
  requests[2].add_message_transforms();
  requests[3].mutable_push_config()->mutable_oidc_token();
  for (api::Subscription& request : requests) {
    request.set_name(kSubscription);
    request.set_topic(kTopic);
    EXPECT_EQ(create_subscription(request).error_code(), StatusCode::UNIMPLEMENTED);
  }
}

TEST_F(ServiceTest, AnUpdateChangesOnlyTheFieldsOfItsMask) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic, "attributes:a").ok());
  const auto update = [&](const std::vector<std::string>& paths, api::Subscription* response) {
    TestContext context;
    api::UpdateSubscriptionRequest request;
    request.mutable_subscription()->set_name(kSubscription);
    request.mutable_subscription()->set_ack_deadline_seconds(60);
    (*request.mutable_subscription()->mutable_labels())["owner"] = "clerk";
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return subscriber->UpdateSubscription(&context, request, response);
  };
  api::Subscription updated;
  ASSERT_TRUE(update({"labels"}, &updated).ok());
  EXPECT_EQ(updated.labels().at("owner"), "clerk");
  EXPECT_EQ(updated.ack_deadline_seconds(), 10);
  ASSERT_TRUE(update({"ack_deadline_seconds"}, &updated).ok());
  EXPECT_EQ(updated.ack_deadline_seconds(), 60);
  EXPECT_EQ(updated.filter(), "attributes:a");
  for (const char* path : {"topic", "filter", "enable_message_ordering", "name", "nonsense"}) {
    EXPECT_EQ(update({path}, &updated).error_code(), StatusCode::INVALID_ARGUMENT) << path;
  }
  EXPECT_EQ(update({}, &updated).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, ASubscriptionGetsOnlyMessagesThatItsFilterMatches) {
  const std::string machine = "projects/p/subscriptions/machine";
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  ASSERT_TRUE(create_subscription(machine, kTopic, "attributes.machineID=\"3\"").ok());
  api::PublishRequest request;
  request.set_topic(kTopic);
  for (const char* id : {"3", "4"})
    (*request.add_messages()->mutable_attributes())["machineID"] = id;
  ASSERT_TRUE(publish(request).ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 10, &response).ok());
  EXPECT_EQ(response.received_messages_size(), 2);
  ASSERT_TRUE(pull(machine, 10, &response).ok());
  EXPECT_EQ(response.received_messages_size(), 1);
}

TEST_F(ServiceTest, FiltersCanBeStoredAndIgnored) {
  start({.ignore_filters = true});
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic, "attributes:never").ok());
  ASSERT_TRUE(publish(kTopic, 1).ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 10, &response).ok());
  EXPECT_EQ(response.received_messages_size(), 1);
}

TEST_F(ServiceTest, APublishHasLimits) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  EXPECT_TRUE(publish(kTopic, 1'000).ok());
  const grpc::Status many = publish(kTopic, 1'001);
  EXPECT_EQ(many.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(many.error_message(),
            "The value for message_count is too large. You passed 1001 in the request, but the "
            "maximum value is 1000.");
  EXPECT_EQ(publish(kTopic, 0).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish(kTopic, 1, "").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(publish(kTopic, 1, std::string(kMaxPublishBytes - 100, 'x')).ok());
  EXPECT_EQ(publish(kTopic, 1, std::string(kMaxPublishBytes, 'x')).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, AttributesHaveLimits) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  const auto publish_attribute = [&](const std::string& key, const std::string& value) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    (*request.add_messages()->mutable_attributes())[key] = value;
    return publish(request).error_code();
  };
  EXPECT_EQ(publish_attribute(std::string(256, 'k'), std::string(1'024, 'v')), StatusCode::OK);
  EXPECT_EQ(publish_attribute(std::string(257, 'k'), "v"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("k", std::string(1'025, 'v')), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("", "v"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("google", "v"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("GOOG", "v"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("googclient_other", "v"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish_attribute("googclient_traceparent", "v"), StatusCode::OK)
      << "the official clients' own, of OpenTelemetry";
  for (const int count : {100, 101}) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    auto* attributes = request.add_messages()->mutable_attributes();
    for (int i = 0; i < count; ++i) (*attributes)[std::to_string(i)] = "";
    EXPECT_EQ(publish(request).ok(), count == 100);
  }
  for (const std::size_t bytes : {1'024u, 1'025u}) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    request.add_messages()->set_data("x");
    request.mutable_messages(0)->set_ordering_key(std::string(bytes, 'o'));
    EXPECT_EQ(publish(request).ok(), bytes == 1'024);
  }
}

TEST_F(ServiceTest, MessageIdsGrow) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  std::uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    for (int n = 0; n < 20; ++n) request.add_messages()->set_data("x");
    api::PublishResponse response;
    ASSERT_TRUE(publish(request, &response).ok());
    ASSERT_EQ(response.message_ids_size(), 20);
    for (const std::string& id : response.message_ids()) {
      EXPECT_GT(std::stoull(id), last);
      last = std::stoull(id);
    }
  }
}

TEST_F(ServiceTest, APullWaitsForAMessage) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 1, &response, true).ok());
  EXPECT_EQ(response.received_messages_size(), 0);
  std::thread puller([&] { EXPECT_TRUE(pull(kSubscription, 10, &response).ok()); });
  EXPECT_TRUE(publish(kTopic, 1).ok());
  puller.join();
  EXPECT_EQ(response.received_messages_size(), 1);
  EXPECT_EQ(pull(kSubscription, 0, &response).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(pull("projects/p/subscriptions/none", 1, &response).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(ServiceTest, ThousandsOfIdsAreAckedInOneCall) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(publish(kTopic, 1'000).ok());
    api::PullResponse response;
    ASSERT_TRUE(pull(kSubscription, 1'000, &response).ok());
    for (const auto& received : response.received_messages()) ids.push_back(received.ack_id());
  }
  ASSERT_EQ(ids.size(), 5'000u);
  EXPECT_TRUE(acknowledge(kSubscription, ids).ok());
  EXPECT_TRUE(acknowledge(kSubscription, ids).ok());
  EXPECT_EQ(acknowledge(kSubscription, {}).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(modify(kSubscription, ids[0], 601).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(modify(kSubscription, ids[0], 1).ok());
}

TEST_F(ServiceTest, ASecondBrokerOnThePortFails) {
  prometheus::Registry metrics;
  const auto second = Server::start({.port = server->port()}, system_clock(), metrics);
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

}  // namespace
}  // namespace pollbus::broker
