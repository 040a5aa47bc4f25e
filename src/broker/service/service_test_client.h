#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "broker/service/server.h"

namespace pollbus::broker {

// The deadline of every call in a test.
constexpr std::chrono::seconds kTestDeadline{20};
inline const std::string kTopic = "projects/p/topics/election";
inline const std::string kSubscription = "projects/p/subscriptions/all";
inline const std::string kDeadTopic = "projects/p/topics/dead";
inline const std::string kDead = "projects/p/subscriptions/dead";

struct TestContext : grpc::ClientContext {
  TestContext() { set_deadline(std::chrono::system_clock::now() + kTestDeadline); }
};

// Starts a broker on a free port for each test, and has stubs that call it.
class ServiceTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<google::pubsub::v1::StreamingPullRequest,
                                          google::pubsub::v1::StreamingPullResponse>;

  void SetUp() override { start({}); }

  // `folder`: as ServerOptions::data_folder.
  void start(CoreOptions options, const std::filesystem::path& folder = {}) {
    publisher.reset();
    subscriber.reset();
    server.reset();
    registry = std::make_unique<prometheus::Registry>();
    auto started = Server::start(
        {.core = options, .push = push, .data_folder = folder, .has_reflection = has_reflection},
        system_clock(), *registry);
    ASSERT_TRUE(started.ok()) << started.status();
    server = std::move(started).value();
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server->port()),
                                        grpc::InsecureChannelCredentials(), arguments);
    publisher = google::pubsub::v1::Publisher::NewStub(channel);
    subscriber = google::pubsub::v1::Subscriber::NewStub(channel);
  }

  grpc::Status create_topic(const std::string& name) {
    TestContext context;
    google::pubsub::v1::Topic request;
    google::pubsub::v1::Topic response;
    request.set_name(name);
    return publisher->CreateTopic(&context, request, &response);
  }
  grpc::Status create_subscription(const std::string& name, const std::string& topic,
                                   const std::string& filter = "") {
    google::pubsub::v1::Subscription request;
    request.set_name(name);
    request.set_topic(topic);
    request.set_filter(filter);
    return create_subscription(request);
  }
  grpc::Status create_subscription(const google::pubsub::v1::Subscription& request) {
    TestContext context;
    google::pubsub::v1::Subscription response;
    return subscriber->CreateSubscription(&context, request, &response);
  }
  google::pubsub::v1::Subscription shown(const std::string& name) {
    TestContext context;
    google::pubsub::v1::GetSubscriptionRequest request;
    google::pubsub::v1::Subscription response;
    request.set_subscription(name);
    EXPECT_TRUE(subscriber->GetSubscription(&context, request, &response).ok());
    return response;
  }
  grpc::Status delete_subscription(const std::string& name) {
    TestContext context;
    google::pubsub::v1::DeleteSubscriptionRequest request;
    google::protobuf::Empty response;
    request.set_subscription(name);
    return subscriber->DeleteSubscription(&context, request, &response);
  }
  grpc::Status publish(const google::pubsub::v1::PublishRequest& request,
                       google::pubsub::v1::PublishResponse* response = nullptr) {
    TestContext context;
    google::pubsub::v1::PublishResponse ignored;
    return publisher->Publish(&context, request, response == nullptr ? &ignored : response);
  }
  grpc::Status publish(const std::string& topic, int messages, const std::string& data = "data") {
    google::pubsub::v1::PublishRequest request;
    request.set_topic(topic);
    for (int i = 0; i < messages; ++i) request.add_messages()->set_data(data);
    return publish(request);
  }
  grpc::Status acknowledge(const std::string& subscription, const std::vector<std::string>& ids) {
    TestContext context;
    google::pubsub::v1::AcknowledgeRequest request;
    google::protobuf::Empty response;
    request.set_subscription(subscription);
    for (const std::string& id : ids) request.add_ack_ids(id);
    return subscriber->Acknowledge(&context, request, &response);
  }
  grpc::Status modify(const std::string& subscription, const std::string& id, int seconds) {
    TestContext context;
    google::pubsub::v1::ModifyAckDeadlineRequest request;
    google::protobuf::Empty response;
    request.set_subscription(subscription);
    request.add_ack_ids(id);
    request.set_ack_deadline_seconds(seconds);
    return subscriber->ModifyAckDeadline(&context, request, &response);
  }
  grpc::Status pull(const std::string& subscription, int most,
                    google::pubsub::v1::PullResponse* response, bool immediately = false) {
    TestContext context;
    google::pubsub::v1::PullRequest request;
    request.set_subscription(subscription);
    request.set_max_messages(most);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    request.set_return_immediately(immediately);
#pragma GCC diagnostic pop
    response->Clear();
    return subscriber->Pull(&context, request, response);
  }

  PushPolicy push;              // of the next start()
  bool has_reflection = false;  // of the next start()
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<google::pubsub::v1::Publisher::Stub> publisher;
  std::unique_ptr<google::pubsub::v1::Subscriber::Stub> subscriber;
};

}  // namespace pollbus::broker
