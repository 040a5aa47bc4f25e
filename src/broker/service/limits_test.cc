// What the broker refuses, and with which texts; how much it keeps for clients.

#include <gmock/gmock.h>
#include <google/iam/v1/iam_policy.grpc.pb.h>
#include <google/pubsub/v1/schema.grpc.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <thread>

#include "broker/service/service_test_client.h"
#include "support/eventually.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
namespace iam = google::iam::v1;
using grpc::StatusCode;
using ::testing::HasSubstr;

class LimitsTest : public ServiceTest {
 protected:
  // Calls a method with a request of these bytes.
  grpc::Status call(const std::string& method, const std::string& request) {
    grpc::GenericStub stub(channel);
    TestContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request);
    const auto rpc = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    grpc::ByteBuffer response;
    grpc::Status status;
    rpc->StartCall();
    rpc->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  }
  grpc::Status set_policy(const std::string& resource, std::size_t bytes) {
    TestContext context;
    iam::SetIamPolicyRequest request;
    iam::Policy policy;
    request.set_resource(resource);
    request.mutable_policy()->add_bindings()->set_role(std::string(bytes, 'r'));
    return iam::IAMPolicy::NewStub(channel)->SetIamPolicy(&context, request, &policy);
  }
  iam::Policy policy_of(const std::string& resource) {
    TestContext context;
    iam::GetIamPolicyRequest request;
    iam::Policy policy;
    request.set_resource(resource);
    EXPECT_TRUE(iam::IAMPolicy::NewStub(channel)->GetIamPolicy(&context, request, &policy).ok());
    return policy;
  }
  double metric(const std::string& name) {
    for (const auto& family : server->subscription_metrics().Collect()) {
      if (family.name == name) return family.metric.at(0).gauge.value;
    }
    ADD_FAILURE() << name;
    return -1;
  }
};

// All methods that do not stream.
std::vector<std::string> unary_methods() {
  std::vector<std::string> methods;
  for (const std::string service : {"google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber",
                                    "google.pubsub.v1.SchemaService", "google.iam.v1.IAMPolicy"}) {
    const auto* const definition =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; i < definition->method_count(); ++i) {
      if (definition->method(i)->client_streaming()) continue;
      methods.push_back("/" + service + "/" + definition->method(i)->name());
    }
  }
  return methods;
}

TEST_F(LimitsTest, CallsThatEndWithoutARequestAreInvalid) {
  for (const std::string& method : unary_methods()) {
    TestContext context;
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareCall(&context, method, &queue);
    grpc::Status status;
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(this);
    EXPECT_TRUE(queue.Next(&tag, &ok));
    call->WritesDone(this);
    EXPECT_TRUE(queue.Next(&tag, &ok));
    call->Finish(&status, this);
    EXPECT_TRUE(queue.Next(&tag, &ok));
    EXPECT_FALSE(status.ok()) << method;
    EXPECT_FALSE(status.error_message().empty()) << method;
  }
}

// A request of 10 MB, of fields that no method knows and that have no content.
std::string many_empty_values() {
  std::string request;
  for (int i = 0; i < 5'000'000; ++i) request.append("\x7a\x00", 2);
  return request;
}

TEST_F(LimitsTest, RequestsOfVeryManyValuesAreRefusedByEveryMethodBeforeTheyAreParsed) {
  const std::string request = many_empty_values();
  for (const std::string& method : unary_methods()) {
    const grpc::Status status = call(method, request);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_THAT(status.error_message(), HasSubstr("too many values")) << method;
  }
  TestContext context;
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto stream =
      stub.PrepareCall(&context, "/google.pubsub.v1.Subscriber/StreamingPull", &queue);
  const grpc::Slice slice(request);
  grpc::Status status;
  void* tag = nullptr;
  bool ok = false;
  stream->StartCall(this);
  EXPECT_TRUE(queue.Next(&tag, &ok));
  stream->Write(grpc::ByteBuffer(&slice, 1), this);
  EXPECT_TRUE(queue.Next(&tag, &ok));
  stream->Finish(&status, this);
  EXPECT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("too many values"));
}

TEST_F(LimitsTest, CompressedRequestsAreServedAndNeverBecomeLargerThanTheLimit) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    for (const auto& [bytes, code] :
         {std::pair{9 << 20, StatusCode::OK}, std::pair{100 << 20, StatusCode::INTERNAL}}) {
      api::PublishRequest request;
      api::PublishResponse response;
      request.set_topic(kTopic);
      request.add_messages()->set_data(std::string(static_cast<std::size_t>(bytes), '\0'));
      TestContext context;
      context.set_compression_algorithm(algorithm);
      EXPECT_EQ(publisher->Publish(&context, request, &response).error_code(), code) << bytes;
    }
  }
}

TEST_F(LimitsTest, ARequestThatCannotBeParsedIsAnInvalidArgumentWithAText) {
  const std::string not_utf8 = "\x0a\x14projects/p/topics/\xff\xfe";
  const std::string cut_off =
      "\x0a\x7f"
      "abc";
  for (const char* method :
       {"Publisher/Publish", "Publisher/CreateTopic", "Publisher/GetTopic", "Publisher/ListTopics",
        "Subscriber/CreateSubscription", "Subscriber/Pull", "Subscriber/Acknowledge",
        "Subscriber/ModifyAckDeadline", "Subscriber/Seek"}) {
    for (const std::string& request : {not_utf8, cut_off}) {
      const grpc::Status status = call(std::string("/google.pubsub.v1.") + method, request);
      EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << method;
      EXPECT_THAT(status.error_message(), HasSubstr("not a valid")) << method;
    }
  }
}

TEST_F(LimitsTest, AllMessagesOfAPublishHaveTheSameOrderingKey) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  api::PublishRequest request;
  request.set_topic(kTopic);
  for (int i = 0; i < 2; ++i) request.add_messages()->set_data("vote");
  for (const char* second : {"b", ""}) {
    request.mutable_messages(0)->set_ordering_key("a");
    request.mutable_messages(1)->set_ordering_key(second);
    EXPECT_EQ(publish(request).error_code(), StatusCode::FAILED_PRECONDITION) << second;
  }
  request.mutable_messages(1)->set_ordering_key("a");
  EXPECT_TRUE(publish(request).ok());
}

TEST_F(LimitsTest, APolicyIsBoundedAndIsDeletedWithItsResource) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  EXPECT_EQ(set_policy(kTopic, 100'000).error_code(), StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(set_policy(kSubscription, 100).ok());
  EXPECT_EQ(policy_of(kSubscription).bindings_size(), 1);
  ASSERT_TRUE(delete_subscription(kSubscription).ok());
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  EXPECT_EQ(policy_of(kSubscription).bindings_size(), 0);
}

TEST_F(LimitsTest, AllPoliciesTogetherAreBoundedByTheirBytes) {
  constexpr int kTopics = 300;  // of 60,000 bytes each: more than 16 MiB
  int refused = 0;
  for (int i = 0; i < kTopics; ++i) {
    const std::string topic = "projects/p/topics/topic" + std::to_string(i);
    ASSERT_TRUE(create_topic(topic).ok());
    const grpc::Status status = set_policy(topic, 60'000);
    if (!status.ok()) {
      EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
  // What replaces a policy needs only the difference.
  EXPECT_TRUE(set_policy("projects/p/topics/topic0", 60'000).ok());
}

TEST_F(LimitsTest, TheSubscriptionsThatWereCreatedFirstHaveMetricsOfTheirOwn) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription("projects/p/subscriptions/z-first", kTopic).ok());
  for (int i = 0; i < 2'000; ++i) {
    const std::string name = "projects/p/subscriptions/a-later-" + std::to_string(i);
    ASSERT_TRUE(create_subscription(name, kTopic).ok());
  }
  EXPECT_EQ(metric("broker_subscriptions"), 2'001);
  EXPECT_EQ(metric("broker_subscriptions_without_series"), 1);
  bool has_first = false;
  for (const auto& family : server->subscription_metrics().Collect()) {
    if (family.name != "broker_subscription_backlog_messages") continue;
    EXPECT_EQ(family.metric.size(), 2'000u);
    for (const auto& series : family.metric) {
      has_first = has_first || series.label.at(0).value == "projects/p/subscriptions/z-first";
    }
  }
  EXPECT_TRUE(has_first);
}

TEST_F(LimitsTest, AStreamWhoseConfirmationsAreNotReadIsReadAgainWhenTheyAre) {
  constexpr int kRequests = 40;
  constexpr int kIds = 40'000;  // of one request: about one megabyte
  ASSERT_TRUE(create_topic(kTopic).ok());
  api::Subscription subscription;
  subscription.set_name(kSubscription);
  subscription.set_topic(kTopic);
  subscription.set_enable_exactly_once_delivery(true);
  ASSERT_TRUE(create_subscription(subscription).ok());
  TestContext context;
  const auto stream = subscriber->StreamingPull(&context);
  api::StreamingPullRequest first;
  first.set_subscription(kSubscription);
  first.set_stream_ack_deadline_seconds(10);
  ASSERT_TRUE(stream->Write(first));
  api::StreamingPullRequest acks;
  for (int i = 0; i < kIds; ++i) acks.add_ack_ids("an id that is not valid " + std::to_string(i));
  std::atomic<int> written = 0;
  std::thread writer([&] {
    while (written < kRequests && stream->Write(acks)) ++written;
  });
  // Some requests fit into buffers, although nothing is read.
  EXPECT_TRUE(testing::eventually(kTestDeadline, [&] { return written >= 4; }));
  int confirmed = 0;
  api::StreamingPullResponse response;
  while (confirmed < kRequests * kIds && stream->Read(&response)) {
    confirmed += response.acknowledge_confirmation().invalid_ack_ids_size();
  }
  EXPECT_EQ(confirmed, kRequests * kIds);
  context.TryCancel();
  writer.join();
}

TEST_F(LimitsTest, AProbeOfTheApisPortSaysWhetherItAnswers) {
  EXPECT_TRUE(server->probe().ok()) << server->probe();
  server->shut_down();
  EXPECT_FALSE(server->probe().ok());
}

}  // namespace
}  // namespace pollbus::broker
