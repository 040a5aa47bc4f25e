#include "broker/rest/transcoder.h"

#include <google/iam/v1/iam_policy.pb.h>
#include <google/pubsub/v1/pubsub.pb.h>
#include <google/pubsub/v1/schema.pb.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

const Transcoder& transcoder() {
  static const Transcoder instance({"google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber",
                                    "google.pubsub.v1.SchemaService", "google.iam.v1.IAMPolicy"});
  return instance;
}

template <typename Request>
Request translated(std::string_view method, std::string_view target, std::string_view body,
                   std::string_view expected) {
  const auto call = transcoder().request(method, target, body);
  Request request;
  if (!call.ok()) {
    ADD_FAILURE() << target << ": " << call.status();
    return request;
  }
  EXPECT_EQ(call->method->name(), expected);
  EXPECT_TRUE(request.ParseFromString(call->request));
  return request;
}

absl::Status refused(std::string_view method, std::string_view target, std::string_view body) {
  return transcoder().request(method, target, body).status();
}

TEST(TranscoderTest, EveryMethodThatDoesNotStreamHasARestForm) {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  // Each request is the shortest one for its path.
  const std::vector<std::array<std::string, 3>> calls = {
      {"PUT", "/v1/projects/p/topics/t", "CreateTopic"},
      {"PATCH", "/v1/projects/p/topics/t", "UpdateTopic"},
      {"POST", "/v1/projects/p/topics/t:publish", "Publish"},
      {"GET", "/v1/projects/p/topics/t", "GetTopic"},
      {"GET", "/v1/projects/p/topics", "ListTopics"},
      {"GET", "/v1/projects/p/topics/t/subscriptions", "ListTopicSubscriptions"},
      {"GET", "/v1/projects/p/topics/t/snapshots", "ListTopicSnapshots"},
      {"DELETE", "/v1/projects/p/topics/t", "DeleteTopic"},
      {"POST", "/v1/projects/p/subscriptions/s:detach", "DetachSubscription"},
      {"PUT", "/v1/projects/p/subscriptions/s", "CreateSubscription"},
      {"GET", "/v1/projects/p/subscriptions/s", "GetSubscription"},
      {"PATCH", "/v1/projects/p/subscriptions/s", "UpdateSubscription"},
      {"GET", "/v1/projects/p/subscriptions", "ListSubscriptions"},
      {"DELETE", "/v1/projects/p/subscriptions/s", "DeleteSubscription"},
      {"POST", "/v1/projects/p/subscriptions/s:modifyAckDeadline", "ModifyAckDeadline"},
      {"POST", "/v1/projects/p/subscriptions/s:acknowledge", "Acknowledge"},
      {"POST", "/v1/projects/p/subscriptions/s:pull", "Pull"},
      {"POST", "/v1/projects/p/subscriptions/s:modifyPushConfig", "ModifyPushConfig"},
      {"GET", "/v1/projects/p/snapshots/s", "GetSnapshot"},
      {"GET", "/v1/projects/p/snapshots", "ListSnapshots"},
      {"PUT", "/v1/projects/p/snapshots/s", "CreateSnapshot"},
      {"PATCH", "/v1/projects/p/snapshots/s", "UpdateSnapshot"},
      {"DELETE", "/v1/projects/p/snapshots/s", "DeleteSnapshot"},
      {"POST", "/v1/projects/p/subscriptions/s:seek", "Seek"},
      {"POST", "/v1/projects/p/schemas", "CreateSchema"},
      {"GET", "/v1/projects/p/schemas/s", "GetSchema"},
      {"GET", "/v1/projects/p/schemas", "ListSchemas"},
      {"GET", "/v1/projects/p/schemas/s:listRevisions", "ListSchemaRevisions"},
      {"POST", "/v1/projects/p/schemas/s:commit", "CommitSchema"},
      {"POST", "/v1/projects/p/schemas/s:rollback", "RollbackSchema"},
      {"DELETE", "/v1/projects/p/schemas/s@12:deleteRevision", "DeleteSchemaRevision"},
      {"DELETE", "/v1/projects/p/schemas/s", "DeleteSchema"},
      {"POST", "/v1/projects/p/schemas:validate", "ValidateSchema"},
      {"POST", "/v1/projects/p/schemas:validateMessage", "ValidateMessage"},
      {"POST", "/v1/projects/p/topics/t:setIamPolicy", "SetIamPolicy"},
      {"GET", "/v1/projects/p/topics/t:getIamPolicy", "GetIamPolicy"},
      {"POST", "/v1/projects/p/topics/t:testIamPermissions", "TestIamPermissions"}};
  std::set<std::string> served;
  for (const auto& [method, target, name] : calls) {
    const auto call = transcoder().request(method, target, "");
    ASSERT_TRUE(call.ok()) << target << ": " << call.status();
    EXPECT_EQ(call->method->name(), name) << method << " " << target;
    served.insert(call->method->full_name());
  }
  for (const std::string service : {"google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber",
                                    "google.pubsub.v1.SchemaService", "google.iam.v1.IAMPolicy"}) {
    const auto* const descriptor = pool->FindServiceByName(service);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const auto* const method = descriptor->method(i);
      EXPECT_EQ(served.contains(method->full_name()), !method->client_streaming())
          << method->full_name();
    }
  }
}

TEST(TranscoderTest, PathQueryAndBodyFillTheRequest) {
  const auto publish = translated<api::PublishRequest>(
      "POST", "/v1/projects/p/topics/t:publish?alt=json&prettyPrint=false",
      R"({"messages": [{"data": "aGk=", "attributes": {"a": "b"}, "orderingKey": "k"}]})",
      "Publish");
  EXPECT_EQ(publish.topic(), "projects/p/topics/t");
  EXPECT_EQ(publish.messages(0).data(), "hi");
  EXPECT_EQ(publish.messages(0).attributes().at("a"), "b");
  EXPECT_EQ(publish.messages(0).ordering_key(), "k");

  const auto list = translated<api::ListTopicsRequest>(
      "GET", "/v1/projects/p/topics?pageSize=2&page_token=projects%2Fp%2Ftopics%2Fa+b", "",
      "ListTopics");
  EXPECT_EQ(list.project(), "projects/p");
  EXPECT_EQ(list.page_size(), 2);
  EXPECT_EQ(list.page_token(), "projects/p/topics/a b");

  const auto update = translated<api::UpdateSubscriptionRequest>(
      "PATCH", "/v1/projects/p/subscriptions/s?updateMask=ackDeadlineSeconds,labels",
      R"({"subscription": {"ackDeadlineSeconds": 20}})", "UpdateSubscription");
  EXPECT_EQ(update.subscription().name(), "projects/p/subscriptions/s");
  EXPECT_EQ(update.subscription().ack_deadline_seconds(), 20);
  ASSERT_EQ(update.update_mask().paths_size(), 2);
  EXPECT_EQ(update.update_mask().paths(0), "ack_deadline_seconds");

  const auto schema = translated<api::CreateSchemaRequest>(
      "POST", "/v1/projects/p/schemas?schemaId=s", R"({"type": "AVRO", "definition": "\"int\""})",
      "CreateSchema");
  EXPECT_EQ(schema.parent(), "projects/p");
  EXPECT_EQ(schema.schema_id(), "s");
  EXPECT_EQ(schema.schema().type(), api::Schema::AVRO);

  const auto get = translated<api::GetSchemaRequest>("GET", "/v1/projects/p/schemas/s?view=BASIC",
                                                     "", "GetSchema");
  EXPECT_EQ(get.view(), api::BASIC);
  const auto policy = translated<google::iam::v1::GetIamPolicyRequest>(
      "GET", "/v1/projects/p/topics/t:getIamPolicy?options.requestedPolicyVersion=3", "",
      "GetIamPolicy");
  EXPECT_EQ(policy.options().requested_policy_version(), 3);
}

TEST(TranscoderTest, ThePathDecidesNotTheBody) {
  const auto topic = translated<api::Topic>(
      "PUT", "/v1/projects/p/topics/t", R"({"name": "projects/p/topics/other"})", "CreateTopic");
  EXPECT_EQ(topic.name(), "projects/p/topics/t");
}

TEST(TranscoderTest, WhatDoesNotFitTheMethodIsRefused) {
  constexpr char kTopic[] = "/v1/projects/p/topics/t";
  EXPECT_TRUE(absl::IsNotFound(refused("GET", "/v1/projects/p/queues", "")));
  EXPECT_TRUE(absl::IsNotFound(refused("TRACE", kTopic, "")));
  EXPECT_TRUE(
      absl::IsNotFound(refused("POST", "/v1/projects/p/subscriptions/s:streamingPull", "{}")));
  const std::string deep = std::string(100'000, '[');
  for (const char* body : {"{", "[]", "3", "{\"colour\": 1}", "{\"labels\": 1}", deep.c_str(),
                           "{\"name\": \"\xff\"}", "{} {}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(refused("PUT", kTopic, body)))
        << std::string(body).substr(0, 20);
  }
  std::string many = R"({"messages":[{})";
  for (int i = 0; i < 300'000; ++i) many += ",{}";
  EXPECT_TRUE(
      absl::IsInvalidArgument(refused("POST", "/v1/projects/p/topics/t:publish", many + "]}")));
  EXPECT_TRUE(absl::IsInvalidArgument(refused("GET", kTopic, "{\"labels\": {}}")));
  EXPECT_TRUE(refused("GET", kTopic, "{}").ok());
  for (const std::string query :
       {"?colour=red", "?topic.name=x", "?pageSize=%", "?pageSize=x", "?pageSize=99999999999"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(refused("GET", "/v1/projects/p/topics" + query, "")))
        << query;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(refused("GET", "/v1/projects/p/topics/%ff", "")));
}

TEST(TranscoderTest, ResponsesFollowTheJsonMapping) {
  const auto* const method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      "google.pubsub.v1.Subscriber.Pull");
  api::PullResponse response;
  auto& received = *response.add_received_messages();
  received.set_ack_id("1");
  received.mutable_message()->set_data("\xff\x01");
  received.mutable_message()->mutable_publish_time()->set_seconds(1);
  EXPECT_EQ(*Transcoder::response(*method, response.SerializeAsString()),
            R"({"receivedMessages":[{"ackId":"1","message":{"data":"/wE=",)"
            R"("publishTime":"1970-01-01T00:00:01Z"}}]})");
  EXPECT_EQ(*Transcoder::response(*method, ""), "{}");
}

TEST(TranscoderTest, ErrorsHaveTheFormOfTheService) {
  const auto parsed = nlohmann::json::parse(
      error_body(absl::StatusCode::kNotFound, "Resource not found (resource=t).", ""));
  EXPECT_EQ(parsed["error"]["code"], 404);
  EXPECT_EQ(parsed["error"]["status"], "NOT_FOUND");
  EXPECT_EQ(parsed["error"]["message"], "Resource not found (resource=t).");
  google::rpc::ErrorInfo info;
  info.set_reason("EXACTLY_ONCE_ACKID_FAILURE");
  google::rpc::Status status;
  status.add_details()->PackFrom(info);
  const auto detailed = nlohmann::json::parse(
      error_body(absl::StatusCode::kInvalidArgument, "\xff", status.SerializeAsString()));
  EXPECT_EQ(detailed["error"]["details"][0]["reason"], "EXACTLY_ONCE_ACKID_FAILURE");
  EXPECT_EQ(detailed["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
}

}  // namespace
}  // namespace pollbus::broker
