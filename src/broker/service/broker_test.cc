#include "broker/service/broker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "broker/service/service_test_client.h"
#include "broker/service/turn.h"
#include "support/eventually.h"

namespace pollbus::broker {
namespace {

class NotedConsumer : public Consumer {
 public:
  void wake(WakeList* /*woken*/) override { woken.set_value(); }
  void end(const absl::Status& status) override { ended.set_value(status); }

  std::promise<void> woken;
  std::promise<absl::Status> ended;
};

class BrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(broker.with_core([](Core& core) { return core.create_topic(kTopic, ""); }),
              absl::OkStatus());
    ASSERT_EQ(create_subscription(), absl::OkStatus());
  }
  absl::Status create_subscription() {
    return broker.with_core([](Core& core) {
      return core.create_subscription(
          {.name = kSubscription, .topic = kTopic, .filter = {}, .resource = ""});
    });
  }
  ConsumerHandle open(const std::shared_ptr<NotedConsumer>& consumer) {
    std::optional<ConsumerHandle> handle;
    EXPECT_TRUE(broker.open_consumer(kSubscription, {}, consumer, &handle).ok());
    return handle.value_or(ConsumerHandle{});
  }
  std::size_t take(ConsumerHandle handle) {
    WakeList woken;
    const auto deliveries = broker.take(handle, 10, 1'000, std::nullopt, &woken);
    EXPECT_TRUE(deliveries.ok());
    return deliveries->size();
  }
  absl::Status publish() {
    IncomingBatch incoming{.first_id = broker.reserve_message_ids(1), .ends = {7}};
    incoming.body = std::make_shared<const std::string>("message");
    incoming.attributes.resize(1);
    std::promise<absl::Status> done;
    broker.publish(kTopic, incoming, [&](const absl::Status& status) { done.set_value(status); });
    return done.get_future().get();
  }
  static bool happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(kTestDeadline) == std::future_status::ready;
  }

  prometheus::Registry registry;
  BrokerMetrics metrics{registry};
  Broker broker{{}, system_clock(), &metrics};
};

TEST_F(BrokerTest, APublishWakesAWaitingConsumer) {
  const auto consumer = std::make_shared<NotedConsumer>();
  const ConsumerHandle handle = open(consumer);
  EXPECT_EQ(take(handle), 0u);
  ASSERT_TRUE(publish().ok());
  EXPECT_TRUE(happens(consumer->woken));
  EXPECT_EQ(take(handle), 1u);
}

TEST_F(BrokerTest, TheTimerWakesAConsumerAtTheTimeItAskedFor) {
  const auto consumer = std::make_shared<NotedConsumer>();
  const ConsumerHandle handle = open(consumer);
  broker.with_core([&](Core& core) {
    core.wake_at(handle, broker.clock().now() + std::chrono::milliseconds(20));
    return true;
  });
  EXPECT_TRUE(happens(consumer->woken));
}

TEST_F(BrokerTest, AShutdownEndsConsumersAndRefusesNewOnes) {
  const auto consumer = std::make_shared<NotedConsumer>();
  open(consumer);
  broker.shut_down();
  EXPECT_TRUE(absl::IsUnavailable(consumer->ended.get_future().get()));
  std::optional<ConsumerHandle> none;
  EXPECT_TRUE(absl::IsUnavailable(
      broker.open_consumer(kSubscription, {}, std::make_shared<NotedConsumer>(), &none)));
  EXPECT_FALSE(none.has_value());
}

// Notes whether it is woken without knowing its handle.
class KnowingConsumer : public Consumer {
 public:
  void wake(WakeList* /*woken*/) override { check(); }
  void end(const absl::Status& /*status*/) override { check(); }

  std::optional<ConsumerHandle> handle;
  std::atomic<bool> was_called = false;
  std::atomic<bool> was_ignorant = false;

 private:
  void check() {
    if (!handle.has_value()) was_ignorant = true;
    was_called = true;
  }
};

TEST_F(BrokerTest, AConsumerIsNeverWokenBeforeItsHandleExists) {
  std::atomic<bool> is_over = false;
  // A deletion wakes every consumer, also those that have never taken anything.
  std::jthread deleter([&] {
    while (!is_over) {
      EXPECT_EQ(
          broker.with_core([](Core& core) { return core.delete_subscription(kSubscription); }),
          absl::OkStatus());
      EXPECT_EQ(create_subscription(), absl::OkStatus());
    }
  });
  for (int opened = 0; opened < 500;) {
    const auto consumer = std::make_shared<KnowingConsumer>();
    if (!broker.open_consumer(kSubscription, {}, consumer, &consumer->handle).ok()) continue;
    ++opened;
    EXPECT_TRUE(testing::eventually(kTestDeadline, [&] { return consumer->was_called.load(); }));
    EXPECT_FALSE(consumer->was_ignorant);
    broker.close_consumer(*consumer->handle);
  }
  is_over = true;
}

// Takes and acks messages whenever it is woken, like a stream.
class TakingConsumer : public Consumer {
 public:
  TakingConsumer(Broker& broker, std::atomic<int>* acked, int enough)
      : broker_(broker), acked_(acked), enough_(enough) {}

  void wake(WakeList* woken) override {
    if (!turn_.enter()) return;
    do {
      while (take(woken)) {
      }
    } while (!turn_.leave());
  }
  void end(const absl::Status& /*status*/) override {}

  std::optional<ConsumerHandle> handle;
  std::promise<void> done;

 private:
  bool take(WakeList* woken) {
    const auto deliveries = broker_.take(*handle, 10, 1'000, std::nullopt, woken);
    if (!deliveries.ok() || deliveries->empty()) return false;
    std::vector<AckId> ids;
    for (const Delivery& delivery : *deliveries) {
      ids.push_back({handle->subscription, delivery.id, delivery.attempt});
    }
    const absl::Status status =
        broker_.with_core([&](Core& core) { return core.acknowledge(kSubscription, ids); });
    const int count = static_cast<int>(ids.size());
    if (status.ok() && acked_->fetch_add(count) + count == enough_) done.set_value();
    return true;
  }

  Broker& broker_;
  std::atomic<int>* acked_;
  int enough_;
  Turn turn_;
};

TEST_F(BrokerTest, ManyThreadsPublishTakeAndAckEveryMessageOnce) {
  constexpr int kThreads = 4;
  constexpr int kMessages = 2'000;
  std::atomic<int> acked = 0;
  std::vector<std::shared_ptr<TakingConsumer>> consumers;
  for (int i = 0; i < kThreads; ++i) {
    const auto consumer = std::make_shared<TakingConsumer>(broker, &acked, kThreads * kMessages);
    ASSERT_TRUE(
        broker.open_consumer(kSubscription, {.messages = 5}, consumer, &consumer->handle).ok());
    consumers.push_back(consumer);
    Broker::wake({consumer});
  }
  std::vector<std::thread> publishers;
  for (int i = 0; i < kThreads; ++i) {
    publishers.emplace_back([this] {
      for (int n = 0; n < kMessages; ++n) EXPECT_TRUE(publish().ok());
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  // Consumers run on the threads that wake them, so everything is acked when the last publish
  // returns.
  std::size_t done = 0;
  for (const auto& consumer : consumers) broker.close_consumer(*consumer->handle);
  for (const auto& consumer : consumers) {
    done +=
        consumer->done.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  EXPECT_EQ(acked, kThreads * kMessages);
  EXPECT_EQ(done, 1u);
}

}  // namespace
}  // namespace pollbus::broker
