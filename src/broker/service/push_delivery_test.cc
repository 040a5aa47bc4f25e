#include <fmt/format.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/status.h"
#include "broker/service/publisher_service.h"
#include "broker/service/push_client.h"
#include "broker/service/push_endpoint.h"
#include "broker/service/push_message.h"
#include "broker/service/resources.h"
#include "broker/service/service_test_client.h"
#include "broker/store/store.h"
#include "support/certificates.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;

const std::string kPushed = "projects/p/subscriptions/pushed";

// An endpoint that notes what it gets, and answers with the codes it is given, then with the last.
// With certificates, it serves https.
class Endpoint {
 public:
  explicit Endpoint(std::vector<int> answers, const testing::Certificates* certificates = nullptr)
      : answers_(std::move(answers)), is_encrypted_(certificates != nullptr) {
    if (certificates != nullptr) {
      server_ = std::make_unique<httplib::SSLServer>(certificates->certificate().c_str(),
                                                     certificates->key().c_str());
    } else {
      server_ = std::make_unique<httplib::Server>();
    }
    server_->Post("/push", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.status = answers_[std::min(requests_.size(), answers_.size() - 1)];
      requests_.push_back(request);
      changed_.notify_all();
    });
    server_->set_keep_alive_timeout(1);  // a connection that is kept holds the end up so long
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    // A stop before it has come to listen would be lost.
    while (!server_->is_running()) std::this_thread::yield();
  }
  ~Endpoint() {
    server_->stop();
    thread_.join();
  }

  std::string url(const std::string& host = "127.0.0.1") const {
    return fmt::format("{}://{}:{}/push?a=b", is_encrypted_ ? "https" : "http", host, port_);
  }
  // The first `count`, or fewer when no more come.
  std::vector<httplib::Request> await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kTestDeadline, [&] { return requests_.size() >= count; });
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> answers_;
  const bool is_encrypted_;
  std::vector<httplib::Request> requests_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

class PushDeliveryTest : public ServiceTest {
 protected:
  void SetUp() override {
    push = {.is_enabled = true, .targets = {{.host = "127.0.0.1"}}};
    ServiceTest::SetUp();
    ASSERT_TRUE(create_topic(kTopic).ok());
  }
  static api::Subscription pushed(const std::string& url) {
    api::Subscription subscription;
    subscription.set_name(kPushed);
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
    request.set_subscription(kPushed);
    request.mutable_push_config()->set_push_endpoint(url);
    return subscriber->ModifyPushConfig(&context, request, &response);
  }
  bool is_all_acked() const {
    return testing::eventually(kTestDeadline, [this] {
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
  EXPECT_EQ(body["subscription"], kPushed);
  EXPECT_EQ(body["message"]["data"], "YSB2b3Rl");
  EXPECT_EQ(body["message"]["attributes"]["function"], "submit vote");
  EXPECT_FALSE(body["message"]["messageId"].get<std::string>().empty());
  EXPECT_EQ(body["message"]["messageId"], body["message"]["message_id"]);
  EXPECT_TRUE(body["message"]["publishTime"].get<std::string>().ends_with("Z"));
  EXPECT_TRUE(is_all_acked());
}

TEST_F(PushDeliveryTest, AnEndpointMayUseHttpsWithACertificateOfATrustedAuthority) {
  const testing::TemporaryFolder folder;
  const testing::Certificates certificates(folder.path());
  push.authorities = certificates.authority();
  start({});
  ASSERT_TRUE(create_topic(kTopic).ok());
  Endpoint endpoint({500, 204}, &certificates);
  ASSERT_TRUE(create_subscription(pushed(endpoint.url())).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  const auto requests = endpoint.await(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(requests[1].body)["message"]["data"], "YSB2b3Rl");
  EXPECT_TRUE(is_all_acked());
}

TEST(PushClientTest, NothingIsPostedToAnEndpointWhoseCertificateDoesNotFit) {
  const testing::TemporaryFolder folder;
  const testing::Certificates certificates(folder.path());
  Endpoint endpoint({204}, &certificates);
  const auto status = [&](const std::string& url, const std::string& authorities) {
    const PushPolicy policy{.is_enabled = true,
                            .targets = {{.host = "127.0.0.1"}, {.host = "localhost"}},
                            .authorities = authorities};
    PushClient client(parse_push_endpoint(url).value(), policy, kTestDeadline);
    return client.post({.body = "{}", .content_type = "application/json", .headers = {}}).status();
  };
  // The certificate is for 127.0.0.1, and the system does not trust its authority.
  EXPECT_EQ(status(endpoint.url("127.0.0.1"), certificates.authority()), absl::OkStatus());
  EXPECT_TRUE(absl::IsUnavailable(status(endpoint.url("localhost"), certificates.authority())));
  EXPECT_TRUE(absl::IsUnavailable(status(endpoint.url("127.0.0.1"), "")));
  EXPECT_TRUE(absl::IsUnavailable(status(endpoint.url("127.0.0.1"), folder / "missing.pem")));
  EXPECT_EQ(endpoint.await(1).size(), 1u);
}

TEST_F(PushDeliveryTest, AMessageThatIsNotAcknowledgedIsPostedAgain) {
  Endpoint endpoint({500, 404, 200});
  ASSERT_TRUE(create_subscription(pushed(endpoint.url())).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  const auto requests = endpoint.await(3);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].body, requests[2].body);
  EXPECT_TRUE(is_all_acked());
}

TEST_F(PushDeliveryTest, ABacklogIsPushedOnceAnEndpointIsSetAndPulledOnceItIsRemoved) {
  Endpoint endpoint({200});
  ASSERT_TRUE(create_subscription(kPushed, kTopic).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish_vote("vote").ok());
  ASSERT_TRUE(modify_push(endpoint.url()).ok());
  EXPECT_EQ(endpoint.await(20).size(), 20u);
  EXPECT_TRUE(is_all_acked());
  ASSERT_TRUE(modify_push("").ok());
  ASSERT_TRUE(publish_vote("pulled").ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kPushed, 1, &response).ok());
  ASSERT_EQ(response.received_messages_size(), 1);
  EXPECT_EQ(response.received_messages(0).message().data(), "pulled");
  EXPECT_EQ(endpoint.await(20).size(), 20u);
}

TEST_F(PushDeliveryTest, AnEndpointThatIsDownDelaysNothingElse) {
  ASSERT_TRUE(create_subscription(pushed("http://127.0.0.1:1/")).ok());
  ASSERT_TRUE(publish_vote("a vote").ok());
  Endpoint endpoint({200});
  ASSERT_TRUE(modify_push(endpoint.url()).ok());
  EXPECT_EQ(endpoint.await(1).size(), 1u);
  ASSERT_TRUE(delete_subscription(kPushed).ok());
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
  ASSERT_EQ(asked.get_future().wait_for(kTestDeadline), std::future_status::ready);
  server->shut_down();
  over.set_value();
  slow.stop();
  thread.join();
}

TEST_F(PushDeliveryTest, AnInvalidEndpointIsRefusedByEveryMethod) {
  ASSERT_TRUE(create_subscription(kPushed, kTopic).ok());
  for (const std::string& url : {std::string("ftp://host/"), std::string("http://h:99999999999"),
                                 "http://" + std::string(200'000, 'a')}) {
    EXPECT_EQ(modify_push(url).error_code(), StatusCode::INVALID_ARGUMENT);
    api::Subscription other = pushed(url);
    other.set_name("projects/p/subscriptions/other");
    EXPECT_EQ(create_subscription(other).error_code(), StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(PushDeliveryTest, WithoutEnablePushAnEndpointIsRefusedAndTheErrorNamesTheFlag) {
  push = {};
  start({});
  ASSERT_TRUE(create_topic(kTopic).ok());
  const grpc::Status created = create_subscription(pushed("http://host.example/"));
  EXPECT_EQ(created.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(created.error_message().find("--enable-push"), std::string::npos);
  ASSERT_TRUE(create_subscription(kPushed, kTopic).ok());
  EXPECT_EQ(modify_push("http://host.example/").error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(modify_push("").ok());
}

TEST_F(PushDeliveryTest, AHostThatIsNotAPushTargetIsRefused) {
  EXPECT_EQ(create_subscription(pushed("http://other.example/")).error_code(),
            StatusCode::PERMISSION_DENIED);
}

// The subscription and its messages as an earlier version may have stored them.
void store_unchecked(const std::filesystem::path& folder, const api::Subscription& subscription) {
  prometheus::Registry registry;
  BrokerMetrics metrics(registry);
  auto store = Store::open({.folder = folder});
  ASSERT_TRUE(store.ok()) << store.status();
  Broker broker(CoreOptions{}, system_clock(), &metrics, {.store = store->get()});
  ASSERT_TRUE(broker.restore().ok());
  std::promise<absl::Status> created;
  broker.change(
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(core.create_topic(kTopic, ""));
        return core.create_subscription(*config_of(subscription));
      },
      [&](const absl::Status& status) { created.set_value(status); });
  ASSERT_TRUE(created.get_future().get().ok());
}

TEST_F(PushDeliveryTest, AnInvalidStoredEndpointIsIgnoredAndItsMessagesCanBePulled) {
  for (const std::string& url :
       {std::string("http://h:99999999999"), "http://" + std::string(200'000, 'a')}) {
    const testing::TemporaryFolder folder;
    api::Subscription stored = pushed(url);
    stored.set_ack_deadline_seconds(10);
    store_unchecked(folder.path(), stored);
    for (const bool is_enabled : {true, false}) {
      push.is_enabled = is_enabled;
      start({}, folder.path());
      ASSERT_TRUE(publish_vote("a vote").ok());
      api::PullResponse response;
      ASSERT_TRUE(pull(kPushed, 1, &response).ok());
      ASSERT_EQ(response.received_messages_size(), 1);
      // What has nothing to do with the endpoint can still be changed.
      TestContext context;
      api::UpdateSubscriptionRequest request;
      *request.mutable_subscription() = stored;
      request.mutable_update_mask()->add_paths("ack_deadline_seconds");
      EXPECT_TRUE(subscriber->UpdateSubscription(&context, request, &stored).ok());
    }
  }
}

TEST_F(PushDeliveryTest, MessagesOfOneOrderingKeyArePostedOneAtATimeAndInOrder) {
  constexpr int kMessages = 60;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::mutex mutex;
  std::vector<std::string> received;
  httplib::Server sink;
  sink.Post("/", [&](const httplib::Request& request, httplib::Response& response) {
    most = std::max<int>(most, ++running);
    const auto body = nlohmann::json::parse(request.body);
    {
      const std::lock_guard lock(mutex);
      // The third attempt at a message is the first that succeeds.
      received.push_back(body["message"]["attributes"]["number"]);
      response.status = received.size() % 3 == 0 ? 200 : 500;
      if (received.size() > 6) response.status = 200;
    }
    --running;
  });
  const int port = sink.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { sink.listen_after_bind(); });
  while (!sink.is_running()) std::this_thread::yield();
  api::Subscription subscription = pushed("http://127.0.0.1:" + std::to_string(port));
  subscription.set_enable_message_ordering(true);
  ASSERT_TRUE(create_subscription(subscription).ok());
  for (int i = 0; i < kMessages; ++i) {
    api::PublishRequest request;
    request.set_topic(kTopic);
    request.add_messages()->set_ordering_key("key");
    (*request.mutable_messages(0)->mutable_attributes())["number"] = std::to_string(i);
    ASSERT_TRUE(publish(request).ok());
  }
  EXPECT_TRUE(is_all_acked());
  ASSERT_TRUE(delete_subscription(kPushed).ok());
  sink.stop();
  thread.join();
  EXPECT_EQ(most, 1);
  received.erase(std::unique(received.begin(), received.end()), received.end());
  ASSERT_EQ(received.size(), static_cast<std::size_t>(kMessages));
  for (int i = 0; i < kMessages; ++i) EXPECT_EQ(received[i], std::to_string(i));
}

// Answers every request on a socket of its own with a text, and then with more of it without end.
class HostileEndpoint {
 public:
  HostileEndpoint(std::string begin, std::string endless)
      : begin_(std::move(begin)), endless_(std::move(endless)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~HostileEndpoint() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int requests() const { return requests_; }
  std::size_t most_sent() const { return most_sent_; }

 private:
  void run() {
    for (int peer; (peer = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(peer)) {
      std::string request(4'096, ' ');
      if (::recv(peer, request.data(), request.size(), 0) <= 0) continue;
      ++requests_;
      std::size_t sent = 0;
      ssize_t count = ::send(peer, begin_.data(), begin_.size(), MSG_NOSIGNAL);
      while (count > 0 && sent < kEnough) {
        sent += static_cast<std::size_t>(count);
        count = ::send(peer, endless_.data(), endless_.size(), MSG_NOSIGNAL);
      }
      most_sent_ = std::max<std::size_t>(most_sent_, sent);
    }
  }

  static constexpr std::size_t kEnough = 256 << 20;
  const std::string begin_;
  const std::string endless_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<std::size_t> most_sent_ = 0;
  std::thread thread_;
};

TEST_F(PushDeliveryTest, AnEndlessAnswerIsCutOff) {
  struct Case {
    const char* begin;
    std::string endless;
  };
  const std::string block(64 << 10, 'a');
  for (const auto& [begin, endless] :
       {Case{"HTTP/1.1 500 ", block}, Case{"", block}, Case{"HTTP/1.1 500 No\r\nX: ", block},
        Case{"HTTP/1.1 500 No\r\n", "X: y\r\n"}, Case{"HTTP/1.1 500 No\r\n\r\n", block},
        Case{"HTTP/1.1 99999999999 No\r\n\r\n", block},
        Case{"HTTP/1.1 500 No\r\nContent-Length: 99999999999999999999999\r\n\r\n", block},
        Case{"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", "fffffff0\r\n" + block},
        Case{"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", block}}) {
    HostileEndpoint endpoint(begin, endless);
    ASSERT_TRUE(create_subscription(pushed(endpoint.url())).ok());
    ASSERT_TRUE(publish_vote("a vote").ok());
    EXPECT_TRUE(testing::eventually(kTestDeadline, [&] { return endpoint.requests() >= 2; }))
        << begin;
    EXPECT_LT(endpoint.most_sent(), 32u << 20) << begin;
    ASSERT_TRUE(delete_subscription(kPushed).ok());
  }
}

TEST(PushMessageTest, WithoutAWrapperTheBodyIsTheDataAndHeadersCarryTheAttributes) {
  api::PubsubMessage message;
  message.set_data("a vote");
  message.set_message_id("17");
  message.set_ordering_key("key");
  (*message.mutable_attributes())["function"] = "submit vote";
  (*message.mutable_attributes())["bad"] = "two\r\nlines";
  (*message.mutable_attributes())["two words"] = "value";
  (*message.mutable_attributes())["Content-Length"] = "17";
  const std::string wire = message.SerializeAsString();
  const Delivery delivery{.bytes = static_cast<std::uint32_t>(wire.size()),
                          .body = std::make_shared<const std::string>(wire)};
  api::PushConfig config;
  config.mutable_no_wrapper();
  EXPECT_EQ(push_request(kPushed, config, delivery).body, "a vote");
  EXPECT_TRUE(push_request(kPushed, config, delivery).headers.empty());
  config.mutable_no_wrapper()->set_write_metadata(true);
  const auto headers = push_request(kPushed, config, delivery).headers;
  EXPECT_EQ(headers.find("x-goog-pubsub-message-id")->second, "17");
  EXPECT_EQ(headers.find("x-goog-pubsub-ordering-key")->second, "key");
  EXPECT_EQ(headers.find("function")->second, "submit vote");
  EXPECT_EQ(headers.count("bad"), 0u);
  EXPECT_EQ(headers.count("two words"), 0u);
  EXPECT_EQ(headers.count("Content-Length"), 0u);
}

}  // namespace
}  // namespace pollbus::broker
