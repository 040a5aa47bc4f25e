#include "bus/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "bus/stubs.h"
#include "support/broker_server.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using ::testing::HasSubstr;

constexpr seconds kSoon{30};
constexpr char kFilter[] = "attributes.function=\"submit vote\"";

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    config.bus.project = testing::BrokerServer::project();
    config.bus.emulator_host = broker.host_and_port();
    config.topic = testing::BrokerServer::topic();
    config.subscription = "election-submit-sub";
    config.filter = kFilter;
    config.subscriber.reconnect = {.initial = milliseconds(10), .max = milliseconds(100)};
    admin.emplace(*Connection::open(config.bus));
  }
  ~WorkerTest() override { finish(); }

  // Starts the worker on a thread of its own, because it may have to wait.
  void start() {
    service.emplace("test", ServiceSettings{});
    auto opened = Worker::open(config, *service);
    ASSERT_TRUE(opened.ok()) << opened.status();
    worker = std::move(opened).value();
    runner = std::jthread([this] {
      status = worker->start([this](auto batch, auto) {
        handled += static_cast<int>(batch.size());
        return std::vector<Verdict>(batch.size(), Verdict::kAck);
      });
    });
  }
  void finish() {
    if (service) service->shutdown().request();
    if (runner.joinable()) runner.join();
    if (worker) worker->wait_and_drain();
    worker.reset();
  }
  bool is_ready() { return service->readiness().all_ready(); }
  absl::Status make_subscription(const std::string& name, const std::string& filter) {
    return admin->ensure_subscription({.name = config.bus.subscription_path(name),
                                       .topic = config.bus.topic_path("election"),
                                       .filter = filter});
  }
  absl::Status publish() {
    const std::vector<Message> batch{{"vote", {{"function", "submit vote"}}}};
    return worker->publisher().publish(batch);
  }

  testing::TemporaryFolder folder;
  testing::BrokerServer broker{folder.path(), {"--in-memory"}};
  WorkerConfig config;
  std::optional<Admin> admin;
  std::optional<Service> service;
  std::unique_ptr<Worker> worker;
  std::atomic<int> handled = 0;
  absl::Status status = absl::UnknownError("not started");
  std::jthread runner;
};

TEST_F(WorkerTest, CreatesItsSubscriptionAndHandlesMessages) {
  start();
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
  EXPECT_TRUE(publish().ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return handled == 1; }));
}

TEST_F(WorkerTest, IsNotReadyBeforeARequiredSubscriptionExists) {
  config.required_subscriptions = {"election-record-sub"};
  start();
  EXPECT_TRUE(eventually(kSoon, [&] {
    return service->readiness().json().find("election-record-sub") != std::string::npos;
  }));
  EXPECT_FALSE(is_ready());
  ASSERT_TRUE(make_subscription("election-record-sub", "").ok());
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(is_ready());
}

TEST_F(WorkerTest, CreatesDownstreamSubscriptionsBeforeItIsReady) {
  config.downstream = {{"next-sub", "attributes.stage=\"next\""}};
  start();
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(*admin->subscription_exists(config.bus.subscription_path("next-sub")));
  EXPECT_TRUE(make_subscription("next-sub", "attributes.stage=\"next\"").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(make_subscription("next-sub", "")));
}

TEST_F(WorkerTest, PreparesAServiceThatOnlyPublishes) {
  config.subscription = "";
  config.topic = "another";
  config.downstream = {{"next-sub", kFilter}};
  service.emplace("test", ServiceSettings{});
  worker = std::move(Worker::open(config, *service)).value();
  const absl::Status prepared = worker->prepare();
  EXPECT_TRUE(prepared.ok()) << prepared;
  EXPECT_TRUE(is_ready());
  EXPECT_TRUE(publish().ok());
  EXPECT_TRUE(*admin->subscription_exists(config.bus.subscription_path("next-sub")));
}

TEST_F(WorkerTest, RefusesToStartOnASubscriptionWithAnotherFilter) {
  ASSERT_TRUE(make_subscription(config.subscription, "attributes.function=\"result\"").ok());
  start();
  runner.join();
  ASSERT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("attributes.function=\"result\""));
  EXPECT_FALSE(is_ready()) << "it never was";
}

TEST_F(WorkerTest, EndsOnASubscriptionNameThatTheBusRefuses) {
  config.subscription = "bad name!";
  start();
  runner.join();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(WorkerTest, InvalidNamesAreProblemsOfTheSettings) {
  for (const char* bad : {"a b", "ab", "1abc", "google-topic", "a/b"}) {
    Settings settings("test", "");
    WorkerConfig worker_config;
    worker_config.add_to(settings);
    const char* const words[] = {"test", "--project", "p", "--topic", bad};
    EXPECT_EQ(settings.parse(5, words), Settings::ParseResult::kInvalid) << bad;
    EXPECT_THAT(settings.problems(), ::testing::ElementsAre(HasSubstr("--topic: expected"))) << bad;
  }
}

TEST_F(WorkerTest, IsNotReadyWhenItsTopicWasDeletedAndSaysSo) {
  start();
  runner.join();
  ASSERT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
  const auto connection = *Connection::open(config.bus);
  grpc::ClientContext context;
  google::pubsub::v1::DeleteTopicRequest request;
  request.set_topic(config.bus.topic_path(config.topic));
  google::protobuf::Empty response;
  ASSERT_TRUE(connection->stubs().publisher->DeleteTopic(&context, request, &response).ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return !is_ready(); }));
  EXPECT_THAT(service->readiness().json(), HasSubstr("was deleted"));
}

TEST_F(WorkerTest, IsNotReadyWhenASubscriptionItNeedsWasDeleted) {
  ASSERT_TRUE(make_subscription("election-record-sub", "").ok());
  config.required_subscriptions = {"election-record-sub"};
  start();
  runner.join();
  ASSERT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
  const std::string path = config.bus.subscription_path("election-record-sub");
  ASSERT_TRUE(admin->delete_subscription(path).ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return !is_ready(); }));
  EXPECT_THAT(service->readiness().json(), HasSubstr("election-record-sub"));
  ASSERT_TRUE(make_subscription("election-record-sub", "").ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
}

TEST_F(WorkerTest, WaitsForAnUnavailableBusAndThenStarts) {
  broker.stop();
  start();
  EXPECT_TRUE(eventually(
      kSoon, [&] { return service->readiness().json().find("UNAVAILABLE") != std::string::npos; }));
  broker.start();
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
}

TEST_F(WorkerTest, StopsWaitingWhenTheServiceIsStopped) {
  broker.stop();
  start();
  service->shutdown().request();
  runner.join();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WorkerTest, RecreatesTopicsAndSubscriptionOnABrokerThatLostThem) {
  start();
  runner.join();
  ASSERT_TRUE(publish().ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return handled == 1; }));
  broker.kill();
  EXPECT_TRUE(eventually(kSoon, [&] { return !is_ready(); }));
  broker.start();
  const std::vector<Message> notice{{"", {{"reason", "test"}}}};
  EXPECT_TRUE(eventually(kSoon, [&] { return worker->quarantine().publish(notice).ok(); }));
  EXPECT_TRUE(eventually(kSoon, [&] {
    return admin->subscription_exists(config.bus.subscription_path(config.subscription))
        .value_or(false);
  }));
  EXPECT_TRUE(eventually(kSoon, [&] { return is_ready(); }));
  EXPECT_TRUE(publish().ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return handled >= 2; }));
}

TEST_F(WorkerTest, TheIdentityOfItsSubscriptionLastsUntilTheSubscriptionIsDeleted) {
  const auto identity = [&](const std::string& new_identity) {
    config.new_identity = new_identity;
    Service one("test", ServiceSettings{});
    auto opened = Worker::open(config, one);
    EXPECT_TRUE(opened.ok() && (*opened)->prepare().ok());
    return (*opened)->identity();
  };
  EXPECT_EQ(identity("first"), "first");
  EXPECT_EQ(identity("second"), "first");
  ASSERT_TRUE(admin->delete_subscription(config.bus.subscription_path(config.subscription)).ok());
  EXPECT_EQ(identity("third"), "third");
}

TEST_F(WorkerTest, ShowsItsCountsInTheMetrics) {
  start();
  runner.join();
  ASSERT_TRUE(publish().ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return handled == 1; }));
  finish();
  double received = 0;
  double acked = 0;
  for (const auto& family : service->metrics().Collect()) {
    if (family.name == "pollbus_bus_received_total") received = family.metric[0].counter.value;
    if (family.name == "pollbus_bus_acked_total") acked = family.metric[0].counter.value;
  }
  EXPECT_EQ(received, 1);
  EXPECT_EQ(acked, 1);
}

}  // namespace
}  // namespace pollbus
