#include <gmock/gmock.h>
#include <httplib.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "broker/service/push_message.h"
#include "broker/service/service_test_client.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;

const std::string kTopic = "projects/p/topics/election";
const std::string kSubscription = "projects/p/subscriptions/pushed";

// An endpoint that notes what it gets, and answers with the codes it is given, then with the last.
class Endpoint {
 public:
  explicit Endpoint(std::vector<int> answers) : answers_(std::move(answers)) {
    server_.Post("/push", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.status = answers_[std::min(requests_.size(), answers_.size() - 1)];
      requests_.push_back(request);
      changed_.notify_all();
    });
    server_.set_keep_alive_timeout(1);  // a connection that is kept holds the end up so long
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // A stop before it has come to listen would be lost.
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Endpoint() {
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/push?a=b"; }
  // The first `count`, or fewer when no more come.
  std::vector<httplib::Request> await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kTestDeadline_s, [&] { return requests_.size() >= count; });
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> answers_;
  std::vector<httplib::Request> requests_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

class PushDeliveryTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(create_topic(kTopic).ok());
  }
  static api::Subscription pushed(const std::string& url) {
    api::Subscription subscription;
    subscription.set_name(kSubscription);
    subscription.set_topic(kTopic);
    subscription.mutable_push_config()->set_push_endpoint(url);
    return subscription;
  }
  grpc::Status publish_vote(const std::string& data) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    request.add_messages()->set_data(data);
    (*request.mutable_messages(0)->mutable_attributes())["function"] = "submit vote";
    return publish(request);
  }
  grpc::Status modify_push(const std::string& url) {
    TestContext context;
    api::ModifyPushConfigRequest request;
    google::protobuf::Empty response;
    request.set_subscription(kSubscription);
    request.mutable_push_config()->set_push_endpoint(url);
    return subscriber->ModifyPushConfig(&context, request, &response);
  }
  bool is_all_acked() const {
    return testing::eventually(kTestDeadline_s, [this] {
      for (const auto& family : server->subscription_metrics().Collect()) {
        if (family.name != "broker_subscription_backlog_messages") continue;
        return family.metric.at(0).gauge.value == 0;
      }
      return false;
    });
  }
};

TEST_F(PushDeliveryTest, AMessageIsPostedAsTheServiceWrapsItAndAckedByTheAnswer) {
  Endpoint endpoint({204});
  ASSERT_TRUE(create_subscription(pushed(endpoint.url())).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  const auto requests = endpoint.await(1);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].get_param_value("a"), "b");
  EXPECT_EQ(requests[0].get_header_value("Content-Type"), "application/json");
  const auto body = nlohmann::json::parse(requests[0].body);
  EXPECT_EQ(body["subscription"], kSubscription);
  EXPECT_EQ(body["message"]["data"], "YSB2b3Rl");
  EXPECT_EQ(body["message"]["attributes"]["function"], "submit vote");
  EXPECT_FALSE(body["message"]["messageId"].get<std::string>().empty());
  EXPECT_EQ(body["message"]["messageId"], body["message"]["message_id"]);
  EXPECT_TRUE(body["message"]["publishTime"].get<std::string>().ends_with("Z"));
  EXPECT_TRUE(is_all_acked());
}

TEST_F(PushDeliveryTest, WhatIsNotAcknowledgedIsPostedAgain) {
  Endpoint endpoint({500, 404, 200});
  ASSERT_TRUE(create_subscription(pushed(endpoint.url())).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  const auto requests = endpoint.await(3);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].body, requests[2].body);
  EXPECT_TRUE(is_all_acked());
}

TEST_F(PushDeliveryTest, ABacklogIsPushedAsSoonAsThereIsAnEndpointAndPulledAgainWithout) {
  Endpoint endpoint({200});
  ASSERT_TRUE(create_subscription(kSubscription, kTopic).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish_vote("vote").ok());
  ASSERT_TRUE(modify_push(endpoint.url()).ok());
  EXPECT_EQ(endpoint.await(20).size(), 20u);
  EXPECT_TRUE(is_all_acked());
  ASSERT_TRUE(modify_push("").ok());
  ASSERT_TRUE(publish_vote("pulled").ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubscription, 1, &response).ok());
  ASSERT_EQ(response.received_messages_size(), 1);
  EXPECT_EQ(response.received_messages(0).message().data(), "pulled");
  EXPECT_EQ(endpoint.await(20).size(), 20u);
}

TEST_F(PushDeliveryTest, AnEndpointThatIsAwayHoldsNobodyUp) {
  ASSERT_TRUE(create_subscription(pushed("http://127.0.0.1:1/")).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  Endpoint endpoint({200});
  ASSERT_TRUE(modify_push(endpoint.url()).ok());
  EXPECT_EQ(endpoint.await(1).size(), 1u);
  ASSERT_TRUE(delete_subscription(kSubscription).ok());
}

TEST_F(PushDeliveryTest, AServerThatStopsDoesNotWaitForASlowEndpoint) {
  httplib::Server slow;
  std::promise<void> asked;
  std::promise<void> over;
  slow.Post("/", [&](const httplib::Request&, httplib::Response&) {
    asked.set_value();
    over.get_future().wait();
  });
  const int port = slow.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { slow.listen_after_bind(); });
  ASSERT_TRUE(create_subscription(pushed("http://127.0.0.1:" + std::to_string(port))).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  ASSERT_EQ(asked.get_future().wait_for(kTestDeadline_s), std::future_status::ready);
  server->shut_down();
  over.set_value();
  slow.stop();
  thread.join();
}

TEST_F(PushDeliveryTest, AnEndpointIsAnUrl) {
  for (const char* url : {"ftp://host/", "host", "http://", "https:///path", "http://a b/"}) {
    EXPECT_EQ(create_subscription(pushed(url)).error_code(), StatusCode::INVALID_ARGUMENT) << url;
  }
}

TEST(PushMessageTest, WithoutAWrapperTheBodyIsTheDataAndHeadersSayTheRest) {
  api::PubsubMessage message;
  message.set_data("a vote");
  message.set_message_id("17");
  message.set_ordering_key("key");
  (*message.mutable_attributes())["function"] = "submit vote";
  (*message.mutable_attributes())["bad"] = "two\r\nlines";
  const std::string wire = message.SerializeAsString();
  const Delivery delivery{.bytes = static_cast<std::uint32_t>(wire.size()),
                          .body = std::make_shared<const std::string>(wire)};
  api::PushConfig config;
  config.mutable_no_wrapper();
  EXPECT_EQ(push_request(kSubscription, config, delivery).body, "a vote");
  EXPECT_TRUE(push_request(kSubscription, config, delivery).headers.empty());
  config.mutable_no_wrapper()->set_write_metadata(true);
  const auto headers = push_request(kSubscription, config, delivery).headers;
  EXPECT_EQ(headers.find("x-goog-pubsub-message-id")->second, "17");
  EXPECT_EQ(headers.find("x-goog-pubsub-ordering-key")->second, "key");
  EXPECT_EQ(headers.find("function")->second, "submit vote");
  EXPECT_EQ(headers.count("bad"), 0u);
}

TEST(PushMessageTest, AnEndpointIsAServerAndAPath) {
  EXPECT_EQ(parts_of("http://host:80/a?b#c").server, "http://host:80");
  EXPECT_EQ(parts_of("http://host:80/a?b#c").path, "/a?b");
  EXPECT_EQ(parts_of("https://host").path, "/");
  EXPECT_EQ(parts_of("https://host?q=1").path, "/?q=1");
}

}  // namespace
}  // namespace pollbus::broker
