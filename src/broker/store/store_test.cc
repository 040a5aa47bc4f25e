#include "broker/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "broker/store/store_fixture.h"

namespace pollbus::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kOther = "projects/p/subscriptions/other";

TEST_F(StoreTest, TopicsSubscriptionsAndBacklogAreRestored) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(3).ok());
    ASSERT_TRUE(process->publish(1).ok());
  }
  auto process = open();
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ((*(*process)->core.topic(kTopic))->resource, "a topic");
  const SubscriptionConfig* config = *(*process)->core.subscription(kAll);
  EXPECT_EQ(config->ack_deadline, seconds(77));
  EXPECT_EQ(config->resource, "a resource");
  const auto deliveries = (*process)->take(kAll);
  ASSERT_THAT(deliveries, SizeIs(4));
  Delivery second = deliveries[1];
  EXPECT_EQ(second.id, 101u);
  EXPECT_EQ(second.body, nullptr);
  second.body = *(*process)->store->load(second.batch);
  EXPECT_EQ(second.wire(), "message 101");
  EXPECT_EQ((*process)->store->next_message_id(), 104u);
}

TEST_F(StoreTest, AcksAndAttemptsAreRestored) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(3).ok());
    const auto taken = process->take(kAll, 2);
    process->ack(kAll, taken[0]);
    process->commit();
  }
  auto process = *open();
  const auto deliveries = process->take(kAll);
  ASSERT_THAT(deliveries, SizeIs(2));
  EXPECT_EQ(deliveries[0].id, 101u);
  EXPECT_EQ(deliveries[0].attempt, 2u);
  EXPECT_EQ(deliveries[1].attempt, 1u);
}

TEST_F(StoreTest, AnAckIdFromBeforeARestartStillAcks) {
  std::vector<Delivery> taken;
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(1).ok());
    taken = process->take(kAll);
    process->commit();
  }
  auto process = *open();
  process->ack(kAll, taken[0]);
  EXPECT_THAT(process->take(kAll), IsEmpty());
}

TEST_F(StoreTest, AMessageThatAllSubscriptionsHaveAckedIsDeleted) {
  auto process = first_process();
  ASSERT_TRUE(process->core.create_subscription(config(kOther)).ok());
  ASSERT_TRUE(process->publish(1).ok());
  for (const std::string& subscription : {kAll, kOther}) {
    EXPECT_TRUE(process->store->load(100).ok());
    process->ack(subscription, process->take(subscription)[0]);
    process->commit();
  }
  EXPECT_TRUE(absl::IsNotFound(process->store->load(100).status()));
}

TEST_F(StoreTest, ADeletedSubscriptionLeavesNothingAndItsIdIsNotReused) {
  SubscriptionId deleted = 0;
  {
    auto process = first_process();
    ASSERT_TRUE(process->core.create_subscription(config(kOther)).ok());
    ASSERT_TRUE(process->publish(1).ok());
    process->ack(kAll, process->take(kAll)[0]);
    deleted = process->core.subscriptions().at(kOther);
    ASSERT_TRUE(process->core.delete_subscription(kOther).ok());
    process->commit();
    EXPECT_TRUE(absl::IsNotFound(process->store->load(100).status()));
    // Published before the subscription was deleted, and written afterwards.
    ASSERT_TRUE(process->core.update_subscription(config(kAll)).ok());
    process->commit();
  }
  {
    auto process = *open();
    ASSERT_TRUE(process->core.update_subscription(config(kAll)).ok());
    process->commit();
  }
  auto process = *open();
  EXPECT_FALSE(process->core.subscriptions().contains(kOther));
  ASSERT_TRUE(process->core.create_subscription(config(kOther)).ok());
  EXPECT_GT(process->core.subscriptions().at(kOther), deleted);
}

TEST_F(StoreTest, TheFeaturesOfASubscriptionAreRestored) {
  {
    auto process = first_process();
    SubscriptionConfig wanted = config(kOther);
    wanted.rules = {.is_ordered = true, .is_exactly_once = true, .max_attempts = 5};
    wanted.retains_acked = true;
    ASSERT_TRUE(process->core.create_subscription(wanted).ok());
    ASSERT_TRUE(process->core.detach_subscription(kAll).ok());
    process->commit();
  }
  auto process = *open();
  const SubscriptionConfig& other = **process->core.subscription(kOther);
  EXPECT_TRUE(other.rules.is_ordered && other.rules.is_exactly_once && other.retains_acked);
  EXPECT_EQ(other.rules.max_attempts, 5u);
  EXPECT_TRUE((*process->core.subscription(kAll))->is_detached);
  ASSERT_TRUE(process->publish(1).ok());
  EXPECT_THAT(process->take(kOther), SizeIs(1));
}

TEST_F(StoreTest, ADetachedSubscriptionStaysEmptyAfterARestart) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(2).ok());
    ASSERT_TRUE(process->core.detach_subscription(kAll).ok());
    process->commit();
  }
  auto process = *open();
  EXPECT_EQ(process->core.report(process->core.subscriptions().at(kAll))->backlog, 0u);
  process->commit();
  EXPECT_TRUE(absl::IsNotFound(process->store->load(100).status()));
}

TEST_F(StoreTest, OrderingKeysAreInOrderAfterARestart) {
  {
    auto process = first_process();
    SubscriptionConfig ordered = config(kOther);
    ordered.rules.is_ordered = true;
    ASSERT_TRUE(process->core.create_subscription(ordered).ok());
    ASSERT_TRUE(process->publish(3, {1, 2, 1}).ok());
    const auto taken = process->take(kOther);
    ASSERT_THAT(taken, SizeIs(3));
    // Acked out of order, so the ack does not survive a restart.
    for (const Delivery& delivery : taken) {
      if (delivery.id == 102) process->ack(kOther, delivery);
    }
    process->commit();
  }
  auto process = *open();
  const auto taken = process->take(kOther);
  ASSERT_THAT(taken, SizeIs(3));
  std::vector<MessageId> of_first_key;
  for (const Delivery& delivery : taken) {
    if (delivery.id != 101) of_first_key.push_back(delivery.id);
  }
  EXPECT_THAT(of_first_key, ElementsAre(100, 102));
  EXPECT_THAT(process->take(kOther), IsEmpty());
}

TEST_F(StoreTest, SnapshotsAndRetainedMessagesAreRestored) {
  const std::string snapshot = "projects/p/snapshots/s";
  {
    auto process = first_process();
    SubscriptionConfig keeps = config(kOther);
    keeps.retains_acked = true;
    ASSERT_TRUE(process->core.create_subscription(keeps).ok());
    ASSERT_TRUE(process->publish(2).ok());
    ASSERT_TRUE(process->core.retention().create_snapshot(snapshot, kAll, "labels", 0).ok());
    ASSERT_TRUE(process->publish(1).ok());
    for (const Delivery& delivery : process->take(kAll)) process->ack(kAll, delivery);
    for (const Delivery& delivery : process->take(kOther)) process->ack(kOther, delivery);
    process->commit();
  }
  {
    auto process = *open();
    EXPECT_THAT(process->take(kAll), IsEmpty());
    EXPECT_EQ((*process->core.retention().snapshot(snapshot))->resource, "labels");
    ASSERT_TRUE(process->core.retention().seek(kAll, {.snapshot = snapshot}, {}).ok());
    ASSERT_TRUE(process->core.retention().seek(kOther, {}, {}).ok());
    ASSERT_TRUE(process->core.retention().delete_snapshot(snapshot).ok());
    process->commit();
  }
  auto process = *open();
  EXPECT_TRUE(absl::IsNotFound(process->core.retention().snapshot(snapshot).status()));
  EXPECT_THAT(process->take(kAll), SizeIs(3));
  std::vector<MessageId> again;
  for (const Delivery& delivery : process->take(kOther)) again.push_back(delivery.id);
  EXPECT_THAT(again, ElementsAre(100, 101, 102));
}

TEST_F(StoreTest, MessagesAreDeletedAfterTheirRetentionTime) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->core.update_topic(kTopic, "a topic", seconds(600)).ok());
    ASSERT_TRUE(process->publish(2).ok());
    const auto taken = process->take(kAll);
    for (const Delivery& delivery : taken) process->ack(kAll, delivery);
    ASSERT_TRUE(process->core.retention().seek(kAll, {.published_us = 1}, {}).ok());
    ASSERT_TRUE(process->core.retention().seek(kAll, {}, {}).ok());
    const auto again = process->take(kAll);
    EXPECT_THAT(again, SizeIs(2));
    for (const Delivery& delivery : again) process->ack(kAll, delivery);
    process->commit();
    EXPECT_TRUE(process->store->load(100).ok());
  }
  {
    auto process = *open();
    EXPECT_EQ(process->core.retention().topic_retention(kTopic), seconds(600));
    process->core.advance(SteadyTime(seconds(1)), 601'000'000);
    process->commit();
    EXPECT_TRUE(absl::IsNotFound(process->store->load(100).status()));
  }
  EXPECT_TRUE(open().ok());
}

TEST_F(StoreTest, ADeadLetterIsEitherInItsTopicOrInItsSubscription) {
  const std::string dead_topic = "projects/p/topics/dead";
  const std::string dead = "projects/p/subscriptions/dead";
  {
    auto process = first_process();
    ASSERT_TRUE(process->core.create_topic(dead_topic, "").ok());
    SubscriptionConfig of_dead = config(dead);
    of_dead.topic = dead_topic;
    ASSERT_TRUE(process->core.create_subscription(of_dead).ok());
    SubscriptionConfig strict = config(kAll);
    strict.rules.max_attempts = 1;
    strict.dead_letter_topic = dead_topic;
    ASSERT_TRUE(process->core.update_subscription(strict).ok());
    ASSERT_TRUE(process->publish(1).ok());
    const Delivery taken = process->take(kAll)[0];
    const AckId id{process->core.subscriptions().at(kAll), taken.id, taken.attempt, taken.start};
    ASSERT_TRUE(
        process->core.modify_deadline(kAll, std::span(&id, 1), seconds(0), SteadyTime(seconds(1)))
            .ok());
    const DeadLetter letter = process->core.take_dead_letters(1).at(0);
    const IncomingBatch incoming{.first_id = process->next_id++,
                                 .body = std::make_shared<const std::string>("dead"),
                                 .ends = {4},
                                 .attributes = {{}}};
    const Publication publication = *process->core.bury(letter, incoming);
    const Publication* const written = &publication;
    ASSERT_TRUE(
        process->store->write(process->notes.take(), std::span(&written, 1), process->next_id)
            .ok());
    // The process is killed before the core learns of the write.
  }
  auto process = *open();
  EXPECT_THAT(process->take(kAll), IsEmpty());
  EXPECT_THAT(process->take(dead), SizeIs(1));
}

TEST_F(StoreTest, AFolderOfAnEarlierFormatIsReadAndBecomesOneOfThisFormat) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(1).ok());
  }
  for (const char* earlier : {"1", "2"}) {
    std::ofstream(folder / "format") << "pubsub-broker store " << earlier << "\n";
    EXPECT_THAT((*open())->take(kAll), SizeIs(1));
    std::ifstream format(folder / "format");
    std::string line;
    std::getline(format, line);
    EXPECT_EQ(line, "pubsub-broker store 4");
  }
}

TEST_F(StoreTest, EachStartIsCountedAlsoAfterACrash) {
  EXPECT_EQ(first_process()->store->starts(), 1u);
  EXPECT_EQ((*open())->store->starts(), 2u);
  EXPECT_EQ((*open())->take(kAll).size(), 0u);
  auto process = *open();
  ASSERT_TRUE(process->publish(1).ok());
  const auto taken = process->take(kAll);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].start, 4u);
}

TEST_F(StoreTest, AnAckIdFromBeforeACrashDoesNotAckTheSameAttemptAfterIt) {
  std::vector<Delivery> before;
  {
    auto process = first_process();
    SubscriptionConfig once = config(kAll);
    once.rules.is_exactly_once = true;
    ASSERT_TRUE(process->core.update_subscription(once).ok());
    ASSERT_TRUE(process->publish(1).ok());
    before = process->take(kAll);
    // The process is killed before the attempt is written.
  }
  auto process = *open();
  const auto after = process->take(kAll);
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].attempt, before[0].attempt);
  process->ack(kAll, before[0]);
  EXPECT_EQ(process->core.report(process->core.subscriptions().at(kAll))->backlog, 1u);
  process->ack(kAll, after[0]);
  EXPECT_EQ(process->core.report(process->core.subscriptions().at(kAll))->backlog, 0u);
}

TEST_F(StoreTest, AStartThatCannotWriteTheFormatFileClosesTheDatabase) {
  const auto obstacle = folder / "format.new";
  std::filesystem::create_directories(obstacle);
  std::ofstream(folder / "lock") << "";
  EXPECT_TRUE(absl::IsUnavailable(open().status()));
  std::filesystem::remove(obstacle);
  EXPECT_TRUE(open().ok());
}

TEST_F(StoreTest, ASnapshotKeepsAMessageThatWasBeingWrittenWhenItWasTaken) {
  const std::string snapshot = "projects/p/snapshots/now";
  {
    auto process = first_process();
    Publication publication = process->route(1);
    ASSERT_TRUE(process->core.retention().create_snapshot(snapshot, kAll, "", 0).ok());
    const Publication* const written = &publication;
    ASSERT_TRUE(process->store->write(process->notes.take(), std::span(&written, 1), 101).ok());
    EXPECT_TRUE(process->core.enqueue(std::move(publication)));
    const auto taken = process->take(kAll);
    process->ack(kAll, taken[0]);
    process->commit();
  }
  auto process = *open();
  EXPECT_THAT(process->take(kAll), IsEmpty());
  ASSERT_TRUE(process->core.retention().seek(kAll, {.snapshot = snapshot}, {}).ok());
  EXPECT_THAT(process->take(kAll), SizeIs(1));
}

TEST_F(StoreTest, APublishWrittenWhileItsSubscriptionIsDeletedIsCleanedUp) {
  {
    auto process = first_process();
    const Publication publication = process->route(1);
    ASSERT_TRUE(process->core.delete_subscription(kAll).ok());
    const Publication* const written = &publication;
    ASSERT_TRUE(process->store->write(process->notes.take(), std::span(&written, 1), 101).ok());
  }
  auto process = *open();
  EXPECT_FALSE(process->notes.empty());
  process->commit();
  EXPECT_TRUE(absl::IsNotFound(process->store->load(100).status()));
}

}  // namespace
}  // namespace pollbus::broker
