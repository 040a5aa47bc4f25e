#include "broker/core/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/batch_splitter.h"
#include "broker/core/core_fixture.h"

namespace pollbus::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(CoreTest, AMessageGoesToTheSubscriptionsWhoseFilterMatches) {
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(publish(2, "4").ok());
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), ElementsAre(1, 2));
  EXPECT_THAT(take(*core.open_consumer(kMachine, {})), ElementsAre(1));
}

TEST_F(CoreTest, FiltersCanBeIgnored) {
  Core ignoring({.ignore_filters = true}, &observer);
  ASSERT_TRUE(ignoring.create_topic(kTopic, "").ok());
  ASSERT_TRUE(ignoring.create_subscription(config(kMachine, "attributes.machineID=\"3\"")).ok());
  const auto publication = route(ignoring, 1, {"4"});
  ASSERT_TRUE(publication.ok());
  EXPECT_THAT(publication->batches, SizeIs(1));
  EXPECT_EQ((*ignoring.subscription(kMachine))->filter.text(), "attributes.machineID=\"3\"");
}

TEST_F(CoreTest, AMissingResourceIsReportedByItsShortId) {
  const auto text = [](const absl::Status& status) { return std::string(status.message()); };
  EXPECT_EQ(text(core.delete_topic("projects/p/topics/x")), "Resource not found (resource=x).");
  EXPECT_EQ(text(core.delete_subscription("projects/p/subscriptions/x")),
            "Resource not found (resource=x).");
  EXPECT_TRUE(absl::IsNotFound(core.acknowledge("projects/p/subscriptions/x", {})));
  EXPECT_TRUE(absl::IsNotFound(core.route("projects/p/topics/x", IncomingBatch{}).status()));
  EXPECT_TRUE(absl::IsNotFound(core.open_consumer("projects/p/subscriptions/x", {}).status()));
  SubscriptionConfig orphan = config("projects/p/subscriptions/new", "");
  orphan.topic = "projects/p/topics/x";
  EXPECT_TRUE(absl::IsNotFound(core.create_subscription(orphan)));
}

TEST_F(CoreTest, AnExistingResourceIsNotCreatedAgain) {
  const absl::Status topic = core.create_topic(kTopic, "");
  EXPECT_TRUE(absl::IsAlreadyExists(topic));
  EXPECT_EQ(std::string(topic.message()),
            "Resource already exists in the project (resource=election).");
  EXPECT_TRUE(absl::IsAlreadyExists(core.create_subscription(config(kAll, ""))));
}

TEST_F(CoreTest, DeletingATopicKeepsItsSubscriptionsAndTheirBacklog) {
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(core.delete_topic(kTopic).ok());
  EXPECT_EQ((*core.subscription(kAll))->topic, kDeletedTopic);
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), ElementsAre(1));
  // A new topic with that name is not the deleted one.
  ASSERT_TRUE(core.create_topic(kTopic, "").ok());
  ASSERT_TRUE(publish(2, "3").ok());
  EXPECT_THAT(take(*core.open_consumer(kAll, {})), IsEmpty());
  EXPECT_TRUE(core.delete_subscription(kAll).ok());
}

TEST_F(CoreTest, DeletingASubscriptionWakesItsConsumersAndTheirNextTakeFails) {
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(handle), IsEmpty());
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  EXPECT_THAT(core.take_woken(), ElementsAre(handle.consumer));
  EXPECT_TRUE(absl::IsNotFound(core.take(handle, 1, 1, std::nullopt, now).status()));
  core.close_consumer(handle);
  ASSERT_TRUE(publish(1, "3").ok());
}

TEST_F(CoreTest, ASubscriptionDeletedBetweenRoutingAndEnqueueingGetsNothing) {
  auto publication = route(core, 1, {"4"});
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  observer.take_notes();
  EXPECT_FALSE(core.enqueue(*std::move(publication)));
  EXPECT_THAT(core.take_woken(), IsEmpty());
  EXPECT_THAT(observer.take_notes(), ElementsAre("finished 1"));
}

TEST_F(CoreTest, AdvanceEndsLeasesAtTheirDeadlinesAndNotBefore) {
  EXPECT_FALSE(core.next_event().has_value());
  ASSERT_TRUE(publish(1, "3").ok());
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(handle), ElementsAre(1));
  ASSERT_EQ(core.next_event(), now + seconds(10));
  now += seconds(10) - std::chrono::nanoseconds(1);
  core.advance(now, 0);
  EXPECT_THAT(take(handle), IsEmpty());
  now += std::chrono::nanoseconds(1);
  core.advance(now, 0);
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

TEST_F(CoreTest, AConsumerIsWokenAtTheTimeItAskedFor) {
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  core.wake_at(handle, now + seconds(5));
  EXPECT_EQ(core.next_event(), now + seconds(5));
  core.advance(now + seconds(5), 0);
  EXPECT_THAT(core.take_woken(), ElementsAre(handle.consumer));
  EXPECT_GT(core.next_event(), now + seconds(5));
}

TEST_F(CoreTest, EveryChangeIsReportedToTheObserver) {
  ASSERT_TRUE(publish(1, "3").ok());
  const ConsumerHandle handle = *core.open_consumer(kAll, {});
  take(handle);
  const AckId id{handle.subscription, 1, 1};
  ASSERT_TRUE(core.acknowledge(kAll, std::span(&id, 1)).ok());
  ASSERT_TRUE(core.acknowledge(kAll, std::span(&id, 1)).ok());  // changes nothing
  ASSERT_TRUE(core.delete_subscription(kMachine).ok());
  ASSERT_TRUE(core.delete_topic(kTopic).ok());
  EXPECT_THAT(observer.take_notes(),
              ElementsAre("delivery 0 of 1 is 1", "delivery 0 of 1 is 255", "finished 1", "-2",
                          "+" + kAll + " of _deleted-topic_", "-" + kTopic));
}

TEST_F(CoreTest, ABatchIsFinishedWhenItsLastDeliveryIsOver) {
  EXPECT_FALSE(core.enqueue(*route(core, 1, {"4", "3"})));
  const ConsumerHandle all = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(all), ElementsAre(1, 2));
  observer.take_notes();
  const std::vector<AckId> ids{{all.subscription, 1, 1}, {all.subscription, 2, 1}};
  ASSERT_TRUE(core.acknowledge(kAll, ids).ok());
  EXPECT_THAT(observer.take_notes(),
              ElementsAre("delivery 0 of 1 is 255", "delivery 1 of 1 is 255"));
  const ConsumerHandle machine = *core.open_consumer(kMachine, {});
  EXPECT_THAT(take(machine), ElementsAre(2));
  const AckId last{machine.subscription, 2, 1};
  ASSERT_TRUE(core.acknowledge(kMachine, std::span(&last, 1)).ok());
  EXPECT_THAT(observer.take_notes(), ElementsAre("delivery 2 of 1 is 1", "finished 1"));
}

TEST_F(CoreTest, MessagesThatNoSubscriptionGetsAreNotKept) {
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  EXPECT_THAT(route(core, 1, {"4"})->batches, IsEmpty());
  const Publication publication = *route(core, 1, {"4", "3", "4", "3", "4"});
  ASSERT_THAT(publication.batches, SizeIs(1));
  const RoutedBatch& routed = publication.batches.front();
  EXPECT_EQ(routed.batch->first_id(), 2u);
  EXPECT_THAT(routed.counts, ElementsAre(1, 0, 1));
  EXPECT_EQ(*routed.batch->body(), "messagemessagemessage");
}

TEST_F(CoreTest, ABatchIsBoundedInBytesAndInDeliveries) {
  IncomingBatch incoming{.first_id = 1, .ends = {10, kMaxBatchBytes, kMaxBatchBytes + 1}};
  incoming.body = std::make_shared<const std::string>(kMaxBatchBytes + 1, 'x');
  incoming.attributes.resize(3);
  const Publication publication = *core.route(kTopic, incoming);
  ASSERT_THAT(publication.batches, SizeIs(2));
  EXPECT_THAT(publication.batches[0].batch->ends(), ElementsAre(10, kMaxBatchBytes));
  EXPECT_EQ(publication.batches[1].batch->first_id(), 3u);
  EXPECT_THAT(publication.batches[1].batch->ends(), ElementsAre(1));
  Publication many;
  BatchSplitter splitter(incoming, &many);
  const std::vector<SubscriptionId> subscriptions(kMaxBatchDeliveries, 1);
  splitter.add(subscriptions);
  splitter.add(std::span(subscriptions).first(1));
  splitter.flush();
  EXPECT_THAT(many.batches, SizeIs(2));
}

TEST_F(CoreTest, OldBodiesAreDroppedAndCanBeReadFromTheStoreAgain) {
  Core small({.max_cached_bytes = 10}, &observer);
  ASSERT_TRUE(small.create_topic(kTopic, "").ok());
  ASSERT_TRUE(small.create_subscription(config(kAll, "")).ok());
  for (const MessageId id : {1, 2, 3}) EXPECT_FALSE(small.enqueue(*route(small, id, {"4"})));
  EXPECT_EQ(small.cached_bytes(), 7u);
  const ConsumerHandle handle = *small.open_consumer(kAll, {});
  const auto deliveries = *small.take(handle, 10, 100, std::nullopt, now);
  ASSERT_THAT(deliveries, SizeIs(3));
  EXPECT_EQ(deliveries[0].body, nullptr);
  EXPECT_EQ(deliveries[0].bytes, 7u);
  EXPECT_EQ(deliveries[2].wire(), "message");
  small.give_back(handle, std::span(deliveries).first(1));
  small.keep_body(1, std::make_shared<const std::string>("message"));
  const auto again = *small.take(handle, 10, 100, std::nullopt, now);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].attempt, 1u);
  EXPECT_EQ(again[0].wire(), "message");
  EXPECT_EQ(small.cached_bytes(), 7u);
}

TEST_F(CoreTest, RestoredMessagesAreDeliveredWithTheNextAttempt) {
  Core later({}, &observer);
  later.restore_topic(kTopic, "");
  later.restore_subscription(5, config(kAll, ""));
  later.restore_last_subscription(6);
  observer.take_notes();
  const std::vector<std::uint32_t> ends{7, 14, 21};
  RoutedBatch routed{.batch = std::make_unique<Batch>(8, 0, ends, 4, nullptr),
                     .counts = {1, 2, 1},
                     .subscriptions = {5, 5, 6, 5}};
  const std::vector<DeliveryState> states{kDone, 3, 0, 0};
  later.restore_batch(std::move(routed), states);
  EXPECT_THAT(observer.take_notes(), IsEmpty());
  const ConsumerHandle handle = *later.open_consumer(kAll, {});
  const auto deliveries = *later.take(handle, 10, 100, std::nullopt, now);
  ASSERT_THAT(deliveries, SizeIs(2));
  EXPECT_EQ(deliveries[0].id, 9u);
  EXPECT_EQ(deliveries[0].attempt, 4u);
  EXPECT_EQ(deliveries[0].begin, 7u);
  EXPECT_EQ(deliveries[1].id, 10u);
  EXPECT_EQ(deliveries[1].attempt, 1u);
  ASSERT_TRUE(later.create_subscription(config(kMachine, "")).ok());
  EXPECT_EQ(later.subscriptions().at(kMachine), 7u);
}

TEST_F(CoreTest, ARestoredBatchWithoutOpenDeliveriesIsFinished) {
  observer.take_notes();
  const std::vector<std::uint32_t> ends{7};
  core.restore_batch({.batch = std::make_unique<Batch>(8, 0, ends, 2, nullptr),
                      .counts = {2},
                      .subscriptions = {1, 77}},
                     std::vector<DeliveryState>{kDone, 0});
  EXPECT_THAT(observer.take_notes(), ElementsAre("finished 8"));
}

TEST_F(CoreTest, ReportsComeInPagesOrderedBySubscriptionName) {
  ASSERT_TRUE(publish(1, "4").ok());
  std::vector<std::string> names;
  for (std::string after;; after = names.back()) {
    const std::vector<Core::Report> page = core.reports(after, 1);
    if (page.empty()) break;
    ASSERT_THAT(page, SizeIs(1));
    names.push_back(*page.front().name);
    if (names.back() != kAll) continue;
    EXPECT_EQ(page.front().backlog, 1u);
    EXPECT_EQ(page.front().counts.matched, 1u);
    EXPECT_TRUE(page.front().oldest_unacked_us.has_value());
  }
  EXPECT_EQ(names.size(), core.subscriptions().size());
  EXPECT_TRUE(std::ranges::is_sorted(names));
}

}  // namespace
}  // namespace pollbus::broker
