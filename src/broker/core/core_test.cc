#include "broker/core/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kTopic = "projects/p/topics/election";
const std::string kAll = "projects/p/subscriptions/all";
const std::string kMachine = "projects/p/subscriptions/machine";

class NotedJournal : public Journal {
 public:
  void topic_stored(const std::string& name, const std::string&) override { note("+" + name); }
  void topic_deleted(const std::string& name) override { note("-" + name); }
  void subscription_stored(SubscriptionId, const SubscriptionConfig& config) override {
    note("+" + config.name + " of " + config.topic);
  }
  void subscription_deleted(SubscriptionId id) override { note("-" + std::to_string(id)); }
  void published(const Publication& publication) override {
    note("published " + std::to_string(publication.messages.size()) + " to " +
         std::to_string(publication.subscriptions.size()));
  }
  void delivered(SubscriptionId, std::span<const Delivery> deliveries) override {
    note("delivered " + std::to_string(deliveries.size()));
  }
  void acked(SubscriptionId, std::span<const MessageId> messages) override {
    note("acked " + std::to_string(messages.size()));
  }
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  void note(std::string text) { notes_.push_back(std::move(text)); }
  std::vector<std::string> notes_;
};

class CoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(core.create_topic(kTopic, "").ok());
    ASSERT_TRUE(core.create_subscription(config(kAll, "")).ok());
    ASSERT_TRUE(core.create_subscription(config(kMachine, "attributes.machineID=\"3\"")).ok());
    journal.take_notes();
  }
  static SubscriptionConfig config(const std::string& name, const std::string& filter) {
    return {.name = name, .topic = kTopic, .filter = *Filter::parse(filter), .resource = ""};
  }
  absl::Status publish(MessageId id, const std::string& machine) {
    auto message = std::make_shared<Message>();
    message->id = id;
    message->wire = "message";
    const Attribute attribute{"machineID", machine};
    const IncomingMessage incoming{message, std::span(&attribute, 1)};
    const auto publication = core.route(kTopic, std::span(&incoming, 1));
    if (!publication.ok()) return publication.status();
    core.enqueue(*publication);
    return absl::OkStatus();
  }
  std::vector<MessageId> take(ConsumerHandle handle) {
    std::vector<MessageId> ids;
    const auto deliveries = core.take(handle, 1'000, 1'000'000, std::nullopt, now);
    EXPECT_TRUE(deliveries.ok()) << deliveries.status();
    if (!deliveries.ok()) return ids;
    for (const Delivery& delivery : *deliveries) ids.push_back(delivery.message->id);
    return ids;
  }

  NotedJournal journal;
  Core core{{}, &journal};
  SteadyTime now{seconds(1'000)};
};

TEST_F(CoreTest, AMessageGoesToTheSubscriptionsWhoseFilterMatches) {
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(publish(2, "4").ok());
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), ElementsAre(1, 2));
  EXPECT_THAT(take(*core.open_consumer(kMachine, {})), ElementsAre(1));
}

TEST_F(CoreTest, FiltersCanBeIgnored) {
  Core ignoring({.ignore_filters = true}, &journal);
  ASSERT_TRUE(ignoring.create_topic(kTopic, "").ok());
  ASSERT_TRUE(ignoring.create_subscription(config(kMachine, "attributes.machineID=\"3\"")).ok());
  auto message = std::make_shared<Message>();
  const IncomingMessage incoming{message, {}};
  const auto publication = ignoring.route(kTopic, std::span(&incoming, 1));
  ASSERT_TRUE(publication.ok());
  EXPECT_THAT(publication->subscriptions, SizeIs(1));
  EXPECT_EQ((*ignoring.subscription(kMachine))->filter.text(), "attributes.machineID=\"3\"");
}

TEST_F(CoreTest, WhatDoesNotExistIsNotFoundByItsShortId) {
  const auto text = [](const absl::Status& status) { return std::string(status.message()); };
  EXPECT_EQ(text(core.delete_topic("projects/p/topics/x")), "Resource not found (resource=x).");
  EXPECT_EQ(text(core.delete_subscription("projects/p/subscriptions/x")),
            "Resource not found (resource=x).");
  EXPECT_TRUE(absl::IsNotFound(core.acknowledge("projects/p/subscriptions/x", {})));
  EXPECT_TRUE(absl::IsNotFound(core.route("projects/p/topics/x", {}).status()));
  EXPECT_TRUE(absl::IsNotFound(core.open_consumer("projects/p/subscriptions/x", {}).status()));
  SubscriptionConfig orphan = config("projects/p/subscriptions/new", "");
  orphan.topic = "projects/p/topics/x";
  EXPECT_TRUE(absl::IsNotFound(core.create_subscription(orphan)));
}

TEST_F(CoreTest, WhatExistsIsNotCreatedAgain) {
  const absl::Status topic = core.create_topic(kTopic, "");
  EXPECT_TRUE(absl::IsAlreadyExists(topic));
  EXPECT_EQ(std::string(topic.message()),
            "Resource already exists in the project (resource=election).");
  EXPECT_TRUE(absl::IsAlreadyExists(core.create_subscription(config(kAll, ""))));
}

TEST_F(CoreTest, ADeletedTopicLeavesItsSubscriptionsAndTheirBacklog) {
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(core.delete_topic(kTopic).ok());
  EXPECT_EQ((*core.subscription(kAll))->topic, kDeletedTopic);
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), ElementsAre(1));
  // A new topic of that name is another one.
  ASSERT_TRUE(core.create_topic(kTopic, "").ok());
  ASSERT_TRUE(publish(2, "3").ok());
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), IsEmpty());
  EXPECT_TRUE(core.delete_subscription(kAll).ok());
}

TEST_F(CoreTest, DeletingASubscriptionWakesItsConsumersWhoFindItGone) {
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(handle), IsEmpty());
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  EXPECT_THAT(core.take_woken(), ElementsAre(handle.consumer));
  EXPECT_TRUE(absl::IsNotFound(core.take(handle, 1, 1, std::nullopt, now).status()));
  core.close_consumer(handle);
  ASSERT_TRUE(publish(1, "3").ok());
}

TEST_F(CoreTest, ASubscriptionDeletedBetweenRoutingAndEnqueueingIsPassedOver) {
  auto message = std::make_shared<Message>();
  const IncomingMessage incoming{message, {}};
  const auto publication = core.route(kTopic, std::span(&incoming, 1));
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  core.enqueue(*publication);
  EXPECT_THAT(core.take_woken(), IsEmpty());
}

TEST_F(CoreTest, AdvanceEndsLeasesWhenTheirTimeHasComeAndNotBefore) {
  EXPECT_FALSE(core.next_event().has_value());
  ASSERT_TRUE(publish(1, "3").ok());
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(handle), ElementsAre(1));
  ASSERT_EQ(core.next_event(), now + seconds(10));
  now += seconds(10) - std::chrono::nanoseconds(1);
  core.advance(now);
  EXPECT_THAT(take(handle), IsEmpty());
  now += std::chrono::nanoseconds(1);
  core.advance(now);
  EXPECT_THAT(core.take_woken(), ElementsAre(handle.consumer));
  EXPECT_THAT(take(handle), ElementsAre(1));
}

TEST_F(CoreTest, AShortenedDeadlineIsTheNextEvent) {
  ASSERT_TRUE(publish(1, "3").ok());
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  take(handle);
  const AckId id{handle.subscription, 1, 1};
  ASSERT_TRUE(core.modify_deadline(kAll, std::span(&id, 1), seconds(2), now).ok());
  EXPECT_EQ(core.next_event(), now + seconds(2));
}

TEST_F(CoreTest, AConsumerIsWokenWhenItsPatienceEnds) {
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  core.wake_at(handle, now + seconds(5));
  EXPECT_EQ(core.next_event(), now + seconds(5));
  core.advance(now + seconds(5));
  EXPECT_THAT(core.take_woken(), ElementsAre(handle.consumer));
  EXPECT_FALSE(core.next_event().has_value());
}

TEST_F(CoreTest, EveryChangeIsToldToTheJournal) {
  ASSERT_TRUE(publish(1, "3").ok());
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  take(handle);
  const AckId id{handle.subscription, 1, 1};
  ASSERT_TRUE(core.acknowledge(kAll, std::span(&id, 1)).ok());
  ASSERT_TRUE(core.acknowledge(kAll, std::span(&id, 1)).ok());  // changes nothing
  ASSERT_TRUE(core.delete_subscription(kMachine).ok());
  ASSERT_TRUE(core.delete_topic(kTopic).ok());
  EXPECT_THAT(journal.take_notes(), ElementsAre("published 1 to 2", "delivered 1", "acked 1", "-2",
                                                "+" + kAll + " of _deleted-topic_", "-" + kTopic));
}

TEST_F(CoreTest, ReportsWhatHasChanged) {
  core.take_changed();
  ASSERT_TRUE(publish(1, "4").ok());
  const std::vector<SubscriptionId> changed = core.take_changed();
  ASSERT_THAT(changed, SizeIs(1));
  const auto report = core.report(changed.front());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(*report->name, kAll);
  EXPECT_EQ(report->backlog, 1u);
  EXPECT_EQ(report->counts.matched, 1u);
  EXPECT_THAT(core.take_changed(), IsEmpty());
}

}  // namespace
}  // namespace pollbus::broker
