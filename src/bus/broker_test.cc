// Publisher and Subscriber against a real pubsub-broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

#include "bus/admin.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "support/broker_server.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using ::testing::SizeIs;

constexpr seconds kSoon{30};

class BusOnBrokerTest : public ::testing::Test {
 protected:
  BusOnBrokerTest() {
    config.project = testing::BrokerServer::project();
    config.emulator_host = broker.host_and_port();
    auto opened = Connection::open(config);
    EXPECT_TRUE(opened.ok()) << opened.status();
    connection = *opened;
    admin.emplace(connection);
    publisher = make_publisher(connection, topic());
    EXPECT_TRUE(ensure().ok());
  }
  std::string topic() const { return config.topic_path(testing::BrokerServer::topic()); }
  absl::Status ensure() {
    return admin->ensure_subscription({.name = config.subscription_path("some-sub"),
                                       .topic = topic(),
                                       .filter = "attributes.wanted=\"yes\""});
  }
  std::unique_ptr<Subscriber> subscribe(BatchHandler handler) {
    return std::make_unique<Subscriber>(
        connection, [this] { return ensure(); }, config.subscription_path("some-sub"),
        std::move(handler), options);
  }
  BatchHandler keeping_all() {
    return [this](std::span<const ReceivedMessage> batch, std::stop_token) {
      const std::lock_guard lock(mutex);
      for (const auto& message : batch) received.emplace(message.data);
      return std::vector<Verdict>(batch.size(), Verdict::kAck);
    };
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return received.size();
  }
  absl::Status publish(int first, int count) {
    std::vector<Message> batch;
    for (int i = 0; i < count; ++i)
      batch.push_back({std::to_string(first + i), {{"wanted", "yes"}}});
    return publisher->publish(batch);
  }

  testing::TemporaryFolder folder;
  testing::BrokerServer broker{folder.path()};
  BusConfig config;
  SubscriberOptions options{.reconnect = {.initial = milliseconds(10), .max = milliseconds(100)}};
  std::shared_ptr<Connection> connection;
  std::optional<Admin> admin;
  std::unique_ptr<Publisher> publisher;
  std::mutex mutex;
  std::multiset<std::string> received;
};

TEST_F(BusOnBrokerTest, AMessageIsReceivedOnceIfItMatchesTheFilter) {
  const auto subscriber = subscribe(keeping_all());
  const std::vector<Message> others{{"unwanted", {{"wanted", "no"}}}, {"bare", {}}};
  ASSERT_TRUE(publisher->publish(others).ok());
  ASSERT_TRUE(publish(0, 5'000).ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return count() >= 5'000; }));
  subscriber->stop();
  EXPECT_THAT(received, SizeIs(5'000));
  for (int i = 0; i < 5'000; ++i) EXPECT_EQ(received.count(std::to_string(i)), 1U);
  EXPECT_EQ(subscriber->counts().acked, 5'000);
}

TEST_F(BusOnBrokerTest, ANackedMessageIsDeliveredAgain) {
  std::set<std::string> seen;
  const auto subscriber = subscribe([&](auto batch, auto) {
    std::vector<Verdict> verdicts;
    for (const auto& message : batch) {
      const bool is_first = seen.emplace(message.id).second;
      verdicts.push_back(is_first ? Verdict::kNack : Verdict::kAck);
    }
    return verdicts;
  });
  ASSERT_TRUE(publish(0, 10).ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return subscriber->counts().acked == 10; }));
  EXPECT_EQ(subscriber->counts().nacked, 10);
}

TEST_F(BusOnBrokerTest, MessagesOfAStoppedSubscriberGoToAnotherAtOnce) {
  std::latch begun(1);
  std::latch go_on(1);
  options.max_batch_messages = 1;
  auto first = subscribe([&](auto batch, auto) {
    begun.count_down();
    go_on.wait();
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  });
  ASSERT_TRUE(publish(0, 100).ok());
  begun.wait();
  EXPECT_TRUE(eventually(kSoon, [&] { return first->counts().outstanding == 100; }));
  std::jthread stopper([&] { first->stop(); });
  const auto second = subscribe(keeping_all());
  // Well within the ten seconds of a lease.
  EXPECT_TRUE(eventually(seconds(5), [&] { return count() == 99; }));
  go_on.count_down();
  stopper.join();
  EXPECT_EQ(first->counts().acked, 1);
}

TEST_F(BusOnBrokerTest, ASubscriberReconnectsAfterARestartOfTheBroker) {
  options.max_batch_messages = 10;
  const auto subscriber = subscribe(keeping_all());
  ASSERT_TRUE(publish(0, 10).ok());
  EXPECT_TRUE(eventually(kSoon, [&] { return count() == 10; }));
  broker.kill();
  broker.start();
  ASSERT_TRUE(eventually(kSoon, [&] { return admin->ensure_topic(topic()).ok(); }));
  ASSERT_TRUE(eventually(kSoon, [&] { return subscriber->counts().connects >= 2; }));
  ASSERT_TRUE(eventually(kSoon, [&] { return publish(10, 10).ok(); }));
  EXPECT_TRUE(eventually(kSoon, [&] { return count() >= 20; }));
}

TEST_F(BusOnBrokerTest, AMessageOfNineMegabytesIsDelivered) {
  const auto subscriber = subscribe(keeping_all());
  const std::vector<Message> batch{{std::string(9'000'000, 'x'), {{"wanted", "yes"}}}};
  ASSERT_EQ(publisher->publish(batch), absl::OkStatus());
  EXPECT_TRUE(eventually(kSoon, [&] { return count() == 1; }));
}

TEST_F(BusOnBrokerTest, AMissingTopicIsNotFound) {
  const auto lost = make_publisher(connection, config.topic_path("nowhere"));
  const std::vector<Message> batch{{"data", {}}};
  EXPECT_TRUE(absl::IsNotFound(lost->publish(batch)));
}

}  // namespace
}  // namespace pollbus
