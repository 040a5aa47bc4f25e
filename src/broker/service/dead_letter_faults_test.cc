// While the disk refuses writes, a dead letter is either in its subscription or in its topic, never
// in both, and never in none.

#include <google/pubsub/v1/pubsub.pb.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <future>

#include "broker/service/broker.h"
#include "broker/service/service_test_client.h"
#include "broker/store/store.h"
#include "support/eventually.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

class Silent : public Consumer {
 public:
  void wake(WakeList* /*woken*/) override {}
  void end(const absl::Status& /*status*/) override {}
};

class DeadLetterFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    open();
    ASSERT_TRUE(change([](Core& core) { return core.create_topic(kTopic, ""); }).ok());
    ASSERT_TRUE(change([](Core& core) { return core.create_topic(kDeadTopic, ""); }).ok());
    ASSERT_TRUE(change([](Core& core) {
                  return core.create_subscription({.name = kDead, .topic = kDeadTopic});
                }).ok());
    ASSERT_TRUE(change([](Core& core) {
                  return core.create_subscription({.name = kSubscription,
                                                   .topic = kTopic,
                                                   .rules = {.max_attempts = 1},
                                                   .dead_letter_topic = kDeadTopic});
                }).ok());
  }
  // Restarts the broker.
  void open() {
    broker.reset();
    store.reset();
    auto opened = Store::open({.folder = temporary / "data", .env = disk.env()});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    broker = std::make_unique<Broker>(
        CoreOptions{}, system_clock(), &metrics,
        Storage{.store = store.get(),
                .on_change = [this](const absl::Status& status) { is_in_trouble = !status.ok(); }});
    ASSERT_TRUE(broker->restore().ok());
  }
  absl::Status change(const std::function<absl::Status(Core&)>& use) {
    std::promise<absl::Status> done;
    broker->change(use, [&](const absl::Status& status) { done.set_value(status); });
    return done.get_future().get();
  }
  void publish() {
    google::pubsub::v1::PubsubMessage message;
    message.set_data("ballot");
    IncomingBatch incoming{.first_id = broker->reserve_message_ids(1),
                           .published = broker->clock().wall_now()};
    incoming.body = std::make_shared<const std::string>(message.SerializeAsString());
    incoming.ends = {static_cast<std::uint32_t>(incoming.body->size())};
    incoming.attributes.resize(1);
    std::promise<absl::Status> done;
    broker->publish(kTopic, incoming, [&](const absl::Status& status) { done.set_value(status); });
    ASSERT_TRUE(done.get_future().get().ok());
  }
  // Uses up the only delivery attempt.
  void take_and_nack() {
    WakeList woken;
    std::optional<ConsumerHandle> handle;
    ASSERT_TRUE(broker->open_consumer(kSubscription, {}, std::make_shared<Silent>(), &handle).ok());
    const auto taken = *broker->take(*handle, 1, 1'000, std::nullopt, &woken);
    ASSERT_EQ(taken.size(), 1u);
    const AckId id{handle->subscription, taken[0].id, taken[0].attempt, taken[0].start};
    broker->modify_deadline(kSubscription, std::span(&id, 1), std::chrono::seconds(0),
                            [](const absl::Status&, const std::vector<AckOutcome>&) {});
  }
  std::size_t backlog(const std::string& subscription) {
    return broker->with_core(
        [&](Core& core) { return core.report(core.subscriptions().at(subscription))->backlog; });
  }
  bool has_moved() { return backlog(kSubscription) == 0 && backlog(kDead) == 1; }

  pollbus::testing::TemporaryFolder temporary;
  pollbus::testing::FullDisk disk;
  prometheus::Registry registry;
  BrokerMetrics metrics{registry};
  std::atomic<bool> is_in_trouble = false;
  std::unique_ptr<Store> store;
  std::unique_ptr<Broker> broker;
};

TEST_F(DeadLetterFaultsTest, ADeadLetterIsMovedWhenTheDiskCanBeWrittenAgain) {
  publish();
  disk.is_full = true;
  take_and_nack();
  ASSERT_TRUE(pollbus::testing::eventually(kTestDeadline, [this] { return bool{is_in_trouble}; }));
  EXPECT_EQ(backlog(kSubscription), 1u);
  disk.is_full = false;
  ASSERT_TRUE(pollbus::testing::eventually(kTestDeadline, [this] { return has_moved(); }));
  open();
  EXPECT_TRUE(has_moved());
}

TEST_F(DeadLetterFaultsTest, ADeadLetterThatCouldNotBeWrittenStaysInItsSubscription) {
  publish();
  disk.is_full = true;
  take_and_nack();
  ASSERT_TRUE(pollbus::testing::eventually(kTestDeadline, [this] { return bool{is_in_trouble}; }));
  broker.reset();
  store.reset();
  disk.is_full = false;
  open();
  EXPECT_EQ(backlog(kSubscription), 1u);
  EXPECT_EQ(backlog(kDead), 0u);
  take_and_nack();
  EXPECT_TRUE(pollbus::testing::eventually(kTestDeadline, [this] { return has_moved(); }));
}

}  // namespace
}  // namespace pollbus::broker
