#include "broker/service/broker.h"

#include <gtest/gtest.h>

#include <future>

namespace pollbus::broker {
namespace {

constexpr std::chrono::seconds kTestDeadline_s{20};
const std::string kTopic = "projects/p/topics/election";
const std::string kSubscription = "projects/p/subscriptions/all";

class NotedConsumer : public Consumer {
 public:
  void wake(WakeList* /*woken*/) override { woken.set_value(); }
  void end(const absl::Status& status) override { ended.set_value(status); }

  std::promise<void> woken;
  std::promise<absl::Status> ended;
};

class BrokerTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = broker.with_core([](Core& core) -> absl::Status {
      if (absl::Status created = core.create_topic(kTopic, ""); !created.ok()) return created;
      return core.create_subscription(
          {.name = kSubscription, .topic = kTopic, .filter = {}, .resource = ""});
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  ConsumerHandle open(const std::shared_ptr<NotedConsumer>& consumer) {
    return *broker.open_consumer(kSubscription, {}, consumer);
  }
  std::size_t take(ConsumerHandle handle) {
    WakeList woken;
    const auto deliveries = broker.take(handle, 10, 1'000, std::nullopt, &woken);
    EXPECT_TRUE(deliveries.ok());
    return deliveries->size();
  }
  absl::Status publish() {
    auto message = std::make_shared<Message>();
    message->id = broker.reserve_message_ids(1);
    const IncomingMessage incoming{message, {}};
    return broker.publish(kTopic, std::span(&incoming, 1));
  }
  static bool happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(kTestDeadline_s) == std::future_status::ready;
  }

  prometheus::Registry registry;
  BrokerMetrics metrics{registry};
  Broker broker{{}, system_clock(), &metrics};
};

TEST_F(BrokerTest, APublishWakesTheConsumerThatWaits) {
  const auto consumer = std::make_shared<NotedConsumer>();
  const ConsumerHandle handle = open(consumer);
  EXPECT_EQ(take(handle), 0u);
  ASSERT_TRUE(publish().ok());
  EXPECT_TRUE(happens(consumer->woken));
  EXPECT_EQ(take(handle), 1u);
}

TEST_F(BrokerTest, TheTimerWakesAConsumerWhosePatienceHasEnded) {
  const auto consumer = std::make_shared<NotedConsumer>();
  const ConsumerHandle handle = open(consumer);
  broker.with_core([&](Core& core) {
    core.wake_at(handle, broker.clock().now() + std::chrono::milliseconds(20));
    return true;
  });
  EXPECT_TRUE(happens(consumer->woken));
}

TEST_F(BrokerTest, AShutdownEndsConsumersAndLetsNoneIn) {
  const auto consumer = std::make_shared<NotedConsumer>();
  open(consumer);
  broker.shut_down();
  EXPECT_TRUE(absl::IsUnavailable(consumer->ended.get_future().get()));
  EXPECT_TRUE(absl::IsUnavailable(
      broker.open_consumer(kSubscription, {}, std::make_shared<NotedConsumer>()).status()));
}

}  // namespace
}  // namespace pollbus::broker
