#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/core_fixture.h"

namespace pollbus::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kKeeps = "projects/p/subscriptions/keeps";
const std::string kSnapshot = "projects/p/snapshots/before";
constexpr std::int64_t kSecond_us = 1'000'000;
constexpr std::int64_t kMinute_us = 60 * kSecond_us;
constexpr std::int64_t kHour_us = 60 * kMinute_us;
constexpr std::int64_t kDay_us = 24 * kHour_us;

// Each message was published at the second that is its id.
class RetentionTest : public CoreTest {
 protected:
  RetentionTest() : CoreTest({.return_grace = std::chrono::seconds(0)}) {}
  void publish_range(MessageId first, MessageId last) {
    for (MessageId id = first; id <= last; ++id) {
      ASSERT_TRUE(publish_at(id, static_cast<std::int64_t>(id) * kSecond_us).ok());
    }
  }
  void create(SubscriptionConfig wanted) {
    ASSERT_TRUE(core.create_subscription(std::move(wanted)).ok());
  }
  void create_keeping(const std::string& name, const std::string& filter = "") {
    SubscriptionConfig wanted = config(name, filter);
    wanted.retains_acked = true;
    wanted.retention = std::chrono::minutes(10);
    create(std::move(wanted));
  }
  void seek_to(const std::string& name, std::int64_t second) {
    ASSERT_TRUE(core.retention().seek(name, {.published_us = second * kSecond_us}, {}).ok());
  }
  absl::Status seek_to_snapshot(const std::string& name) {
    return core.retention().seek(name, {.snapshot = kSnapshot}, {});
  }
  // Lets the time pass in steps as small as those of the broker, so that no clock seems to jump.
  void advance_to(std::int64_t wall_us) {
    constexpr std::int64_t kStep_us = 30 * kSecond_us;
    if (!wall_us_) core.advance(now, wall_us_.emplace(0));
    while (*wall_us_ < wall_us) {
      const std::int64_t step_us = std::min(kStep_us, wall_us - *wall_us_);
      now += std::chrono::microseconds(step_us);
      core.advance(now, *wall_us_ += step_us);
    }
    now += std::chrono::seconds(10);  // the core looks around every 10 seconds
    core.advance(now, wall_us);
  }

  // Of the last advance_to(); nothing has been deleted before the first one.
  std::optional<std::int64_t> wall_us_;
};

TEST_F(RetentionTest, SeekForwardAcksEarlierMessages) {
  publish_range(1, 4);
  const ConsumerHandle consumer = *core.open_consumer(kAll, {});
  EXPECT_THAT(*core.take(consumer, 2, 100, std::nullopt, now), testing::SizeIs(2));
  seek_to(kAll, 4);
  EXPECT_EQ(core.report(consumer.subscription)->leased, 0u);
  EXPECT_THAT(take(consumer), ElementsAre(4));
  EXPECT_THAT(take_all(kMachine), ElementsAre(1, 2, 3, 4));
}

TEST_F(RetentionTest, SeekBackReplaysOnlyRetainedMessages) {
  publish_range(1, 2);
  EXPECT_THAT(take_all(kAll), ElementsAre(1, 2));
  ack(kAll, {1, 2});
  seek_to(kAll, 0);
  EXPECT_THAT(take_all(kAll), IsEmpty());
}

TEST_F(RetentionTest, SeekBackReplaysAckedMessagesThatTheSubscriptionRetains) {
  create_keeping(kKeeps);
  publish_range(1, 4);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(1, 2, 3, 4));
  ack(kKeeps, {1, 2, 3});
  seek_to(kKeeps, 2);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(2, 3, 4));
  seek_to(kKeeps, 1);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(1, 2, 3, 4));
}

TEST_F(RetentionTest, AckIdsFromBeforeASeekAreInvalid) {
  create_keeping(kKeeps);
  publish_range(1, 2);
  take_all(kKeeps);
  ack(kKeeps, {1});
  seek_to(kKeeps, 0);
  ack(kKeeps, {1, 2}, 1);
  const ConsumerHandle consumer = *core.open_consumer(kKeeps, {});
  const auto taken = *core.take(consumer, 10, 100, std::nullopt, now);
  ASSERT_THAT(taken, testing::SizeIs(2));
  ack(kKeeps, {1, 2}, 1);
  EXPECT_EQ(core.report(consumer.subscription)->backlog, 2u);
  for (const Delivery& delivery : taken) ack(kKeeps, {delivery.id}, delivery.attempt);
  EXPECT_EQ(core.report(consumer.subscription)->backlog, 0u);
}

TEST_F(RetentionTest, RetainedMessagesAreDroppedAfterTheRetentionTime) {
  create_keeping(kKeeps);
  publish_range(1, 2);
  take_all(kKeeps);
  ack(kKeeps, {1, 2});
  advance_to(10 * kMinute_us + 2 * kSecond_us);
  seek_to(kKeeps, 0);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(2));
}

TEST_F(RetentionTest, UnackedMessagesAreDroppedAfterTheRetentionTime) {
  publish_range(1, 2);
  create_keeping(kKeeps);
  publish_range(3, 4);
  advance_to(10 * kMinute_us + 4 * kSecond_us);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(4));
  EXPECT_THAT(take_all(kAll), ElementsAre(1, 2, 3, 4));
  ack(kAll, {1, 2, 3, 4});
  publish_range(5, 5);
  advance_to(7 * kDay_us + 6 * kSecond_us);
  EXPECT_THAT(take_all(kAll), IsEmpty());
}

TEST_F(RetentionTest, RetainingAckedMessagesCanBeSwitchedOnAndOff) {
  SubscriptionConfig wanted = config(kAll, "");
  wanted.retains_acked = true;
  ASSERT_TRUE(core.update_subscription(wanted).ok());
  publish_range(1, 1);
  take_all(kAll);
  ack(kAll, {1});
  seek_to(kAll, 0);
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
  ack(kAll, {1});
  wanted.retains_acked = false;
  ASSERT_TRUE(core.update_subscription(wanted).ok());
  seek_to(kAll, 0);
  EXPECT_THAT(take_all(kAll), IsEmpty());
}

TEST_F(RetentionTest, ATopicRetainsMessagesForLaterSubscriptions) {
  ASSERT_TRUE(core.update_topic(kTopic, "", std::chrono::minutes(10)).ok());
  EXPECT_EQ(core.retention().topic_retention(kTopic), std::chrono::minutes(10));
  publish_range(1, 3);
  create(config(kKeeps, ""));
  seek_to(kKeeps, 2);
  EXPECT_THAT(take_all(kKeeps), ElementsAre(2, 3));
  ASSERT_TRUE(core.update_topic(kTopic, "").ok());
  ack(kKeeps, {2, 3});
  seek_to(kKeeps, 0);
  EXPECT_THAT(take_all(kKeeps), IsEmpty());
}

TEST_F(RetentionTest, MessagesRetainedByATopicAreReplayedThroughTheFilter) {
  ASSERT_TRUE(core.update_topic(kTopic, "", std::chrono::minutes(10)).ok());
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(publish(2, "4").ok());
  create(config(kKeeps, "attributes.machineID=\"4\""));
  const auto candidates = core.retention().replay_candidates(kKeeps, {});
  ASSERT_TRUE(candidates.ok());
  ASSERT_THAT(candidates->messages, testing::SizeIs(2));
  EXPECT_EQ(candidates->messages[1].id, 2u);
  EXPECT_EQ(candidates->messages[1].wire(), "message");
  EXPECT_EQ(candidates->filter.text(), "attributes.machineID=\"4\"");
  ASSERT_TRUE(core.retention().seek(kKeeps, {}, {2}).ok());
  EXPECT_THAT(take_all(kKeeps), ElementsAre(2));
}

TEST_F(RetentionTest, ASnapshotHoldsUnackedMessagesAndAllLaterOnes) {
  publish_range(1, 3);
  take_all(kAll);
  ack(kAll, {1});
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "labels", 10 * kSecond_us).ok());
  ack(kAll, {2, 3});
  publish_range(4, 5);
  take_all(kAll);
  ack(kAll, {4, 5});
  ASSERT_TRUE(seek_to_snapshot(kAll).ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(2, 3, 4, 5));
}

TEST_F(RetentionTest, SeekToASnapshotAcksMessagesThatWereAckedThen) {
  publish_range(1, 2);
  take_all(kAll);
  ack(kAll, {1, 2});
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", 10 * kSecond_us).ok());
  const auto candidates = core.retention().replay_candidates(kMachine, {.snapshot = kSnapshot});
  ASSERT_TRUE(candidates.ok());
  EXPECT_THAT(candidates->messages, IsEmpty());
  ASSERT_TRUE(seek_to_snapshot(kMachine).ok());
  EXPECT_THAT(take_all(kMachine), IsEmpty());
}

TEST_F(RetentionTest, SnapshotsCanBeReadUpdatedAndExpire) {
  publish_range(1, 1);
  const std::int64_t made_us = 1 * kDay_us;
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "labels", made_us).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(core.retention().create_snapshot(kSnapshot, kAll, "", made_us)));
  const LogConfig* stored = *core.retention().snapshot(kSnapshot);
  EXPECT_EQ(stored->expires_us, 7 * kDay_us + kSecond_us);
  EXPECT_EQ(stored->resource, "labels");
  EXPECT_EQ(stored->topic, kTopic);
  EXPECT_THAT((*core.topic(kTopic))->snapshots, ElementsAre(kSnapshot));
  ASSERT_TRUE(core.retention().update_snapshot(kSnapshot, 2 * kDay_us, "others").ok());
  EXPECT_EQ((*core.retention().snapshot(kSnapshot))->resource, "others");
  advance_to(2 * kDay_us + 1);
  EXPECT_TRUE(absl::IsNotFound(core.retention().snapshot(kSnapshot).status()));
  EXPECT_THAT((*core.topic(kTopic))->snapshots, IsEmpty());
}

TEST_F(RetentionTest, ASnapshotThatWouldSoonExpireIsRefused) {
  publish_range(1, 1);
  const std::int64_t late_us = 7 * kDay_us - kHour_us + 2 * kSecond_us;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(core.retention().create_snapshot(kSnapshot, kAll, "", late_us)));
}

TEST_F(RetentionTest, ASnapshotOutlivesItsSubscriptionAndItsTopicsName) {
  publish_range(1, 1);
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", kSecond_us).ok());
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  create(config(kAll, ""));
  ASSERT_TRUE(seek_to_snapshot(kAll).ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
  ASSERT_TRUE(core.delete_topic(kTopic).ok());
  EXPECT_EQ((*core.retention().snapshot(kSnapshot))->topic, kDeletedTopic);
  ASSERT_TRUE(core.retention().delete_snapshot(kSnapshot).ok());
  EXPECT_TRUE(absl::IsNotFound(core.retention().delete_snapshot(kSnapshot)));
}

TEST_F(RetentionTest, ASnapshotOfAnotherTopicIsRefused) {
  ASSERT_TRUE(core.create_topic("projects/p/topics/other", "").ok());
  SubscriptionConfig other = config(kKeeps, "");
  other.topic = "projects/p/topics/other";
  create(std::move(other));
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kKeeps, "", kSecond_us).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(seek_to_snapshot(kAll)));
  EXPECT_TRUE(
      absl::IsNotFound(core.retention().seek(kAll, {.snapshot = "projects/p/snapshots/x"}, {})));
}

TEST_F(RetentionTest, ADetachedSubscriptionHasNoBacklogAndGetsNoMessages) {
  publish_range(1, 1);
  const ConsumerHandle consumer = *core.open_consumer(kAll, {});
  ASSERT_TRUE(core.detach_subscription(kAll).ok());
  EXPECT_THAT(core.take_woken(), ElementsAre(consumer.consumer));
  EXPECT_TRUE(absl::IsFailedPrecondition(core.take(consumer, 1, 1, std::nullopt, now).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(core.open_consumer(kAll, {}).status()));
  publish_range(2, 2);
  EXPECT_EQ(core.report(consumer.subscription)->backlog, 0u);
  EXPECT_THAT((*core.topic(kTopic))->subscriptions, ElementsAre(kMachine));
  EXPECT_TRUE((*core.subscription(kAll))->is_detached);
  ASSERT_TRUE(core.detach_subscription(kAll).ok());
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
}

TEST_F(RetentionTest, AnUnusedSubscriptionExpires) {
  SubscriptionConfig wanted = config(kKeeps, "");
  wanted.expiration = std::chrono::hours(24);
  create(std::move(wanted));
  advance_to(1);
  advance_to(kHour_us);
  advance_to(kDay_us);
  EXPECT_TRUE(core.subscription(kKeeps).ok());
  publish_range(1, 1);
  const ConsumerHandle consumer = *core.open_consumer(kKeeps, {});
  take(consumer);
  core.close_consumer(consumer);
  advance_to(kDay_us + kHour_us);
  advance_to(2 * kDay_us);
  EXPECT_TRUE(core.subscription(kKeeps).ok());
  advance_to(2 * kDay_us + 2 * kHour_us);
  EXPECT_TRUE(absl::IsNotFound(core.subscription(kKeeps).status()));
  EXPECT_TRUE(core.subscription(kAll).ok());  // has no such policy
}

TEST_F(RetentionTest, ASubscriptionWithAStreamDoesNotExpire) {
  SubscriptionConfig wanted = config(kKeeps, "");
  wanted.expiration = std::chrono::hours(24);
  create(std::move(wanted));
  ASSERT_TRUE(core.open_consumer(kKeeps, {}).ok());
  for (int day = 0; day < 5; ++day) advance_to(day * kDay_us);
  EXPECT_TRUE(core.subscription(kKeeps).ok());
}

TEST_F(RetentionTest, ASnapshotContainsAMessageThatWasBeingStoredWhenItWasTaken) {
  auto publication = route(core, 1, {"4"});
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", kSecond_us).ok());
  EXPECT_TRUE(core.enqueue(*std::move(publication))) << "the snapshot has changed";
  take_all(kAll);
  ack(kAll, {1});
  ASSERT_TRUE(seek_to_snapshot(kAll).ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
}

TEST_F(RetentionTest, ASnapshotDoesNotGetAMessageThatItsSubscriptionDoesNotGet) {
  auto publication = route(core, 1, {"4"});
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kMachine, "", kSecond_us).ok());
  EXPECT_FALSE(core.enqueue(*std::move(publication)));
}

TEST_F(RetentionTest, ASnapshotContainsSuchAMessageEvenIfItsSubscriptionWasDeletedMeanwhile) {
  auto publication = route(core, 1, {"4"});
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", kSecond_us).ok());
  ASSERT_TRUE(core.delete_subscription(kAll).ok());
  EXPECT_TRUE(core.enqueue(*std::move(publication)));
  create(config(kAll, ""));
  ASSERT_TRUE(seek_to_snapshot(kAll).ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
}

TEST_F(RetentionTest, AMessagePublishedAfterASnapshotIsInItOnce) {
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", kSecond_us).ok());
  publish_range(1, 1);
  take_all(kAll);
  ack(kAll, {1});
  ASSERT_TRUE(seek_to_snapshot(kAll).ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
}

TEST_F(RetentionTest, DroppedMessagesAreReportedAndCounted) {
  create_keeping(kKeeps);
  publish_range(1, 2);
  ASSERT_TRUE(core.delete_subscription(kMachine).ok());
  advance_to(11 * kMinute_us);
  const auto removals = core.take_removals();
  ASSERT_THAT(removals, testing::SizeIs(1));
  EXPECT_EQ(removals[0].kind, Removal::Kind::kMessages);
  EXPECT_EQ(removals[0].name, kKeeps);
  EXPECT_EQ(removals[0].messages, 2u);
  EXPECT_EQ(core.report(core.subscriptions().at(kKeeps))->counts.dropped, 2u);
  EXPECT_THAT(core.take_removals(), IsEmpty());
}

TEST_F(RetentionTest, ExpiredSubscriptionsAndSnapshotsAreReported) {
  SubscriptionConfig wanted = config(kKeeps, "");
  wanted.expiration = std::chrono::hours(24);
  wanted.retention = std::chrono::hours(48);
  create(std::move(wanted));
  advance_to(1);
  publish_range(1, 3);
  ASSERT_TRUE(core.retention().create_snapshot(kSnapshot, kAll, "", kSecond_us).ok());
  ASSERT_TRUE(core.retention().update_snapshot(kSnapshot, kMinute_us, "").ok());
  advance_to(kDay_us + 2 * kHour_us);
  const auto removals = core.take_removals();
  ASSERT_THAT(removals, testing::SizeIs(2));
  EXPECT_EQ(removals[0].kind, Removal::Kind::kSnapshot);
  EXPECT_EQ(removals[0].name, kSnapshot);
  EXPECT_EQ(removals[1].kind, Removal::Kind::kSubscription);
  EXPECT_EQ(removals[1].name, kKeeps);
  EXPECT_EQ(removals[1].messages, 3u);
}

// A broker with an old message, whose clients have an hour to come back.
class ReturnGraceTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    ASSERT_TRUE(publish_at(1, 0).ok());
  }
  void advance(SteadyTime::duration steady, std::chrono::microseconds wall) {
    now += steady;
    wall_us += wall.count();
    core.advance(now, wall_us);
  }
  void advance(std::chrono::seconds by) {
    for (std::chrono::seconds done{0}; done < by; done += seconds(10)) {
      advance(seconds(10), seconds(10));
    }
  }
  bool is_dropped() { return core.report(core.subscriptions().at(kAll))->backlog == 0; }

  std::int64_t wall_us = 8 * kDay_us;  // the message is older than the retention of 7 days
};

TEST_F(ReturnGraceTest, AfterAStartClientsHaveTimeToComeBackBeforeRetentionDropsMessages) {
  core.advance(now, wall_us);
  advance(kReturnGrace - seconds(10));
  EXPECT_FALSE(is_dropped());
  advance(seconds(10));
  EXPECT_TRUE(is_dropped());
}

TEST_F(ReturnGraceTest, AfterTheWallClockWasSetForwardClientsHaveTimeAgain) {
  wall_us = 0;
  core.advance(now, wall_us);
  advance(2 * kReturnGrace);
  advance(seconds(10), std::chrono::hours(8 * 24));
  advance(kReturnGrace - seconds(10));
  EXPECT_FALSE(is_dropped());
  advance(seconds(10));
  EXPECT_TRUE(is_dropped());
}

TEST_F(ReturnGraceTest, AWallClockThatIsSetBackInTimeDropsNothing) {
  wall_us = 0;
  core.advance(now, wall_us);
  advance(2 * kReturnGrace);
  advance(seconds(10), std::chrono::hours(8 * 24));
  advance(std::chrono::minutes(10));
  advance(seconds(10), -std::chrono::hours(8 * 24));
  advance(2 * kReturnGrace);
  EXPECT_FALSE(is_dropped());
}

TEST_F(ReturnGraceTest, AfterTheProcessWasStalledClientsHaveTimeAgain) {
  core.advance(now, wall_us);
  advance(std::chrono::minutes(50));
  advance(std::chrono::hours(3), std::chrono::hours(3));
  EXPECT_FALSE(is_dropped());
  advance(kReturnGrace);
  EXPECT_TRUE(is_dropped());
}

TEST_F(ReturnGraceTest, ASubscriptionThatWasUnusedWhileTheBrokerWasOffExpiresOnlyAfterTheGrace) {
  SubscriptionConfig wanted = config("projects/p/subscriptions/unused", "");
  wanted.expiration = std::chrono::hours(24);
  wanted.used_s = 5 * 24 * 3'600;
  Core later({}, &observer);
  later.restore_topic(kTopic, "");
  later.restore_subscription(5, wanted);
  later.advance(now, wall_us);
  for (seconds done{0}; done < kReturnGrace; done += seconds(10)) {
    EXPECT_TRUE(later.subscription(wanted.name).ok());
    now += seconds(10);
    wall_us += 10 * kSecond_us;
    later.advance(now, wall_us);
  }
  EXPECT_TRUE(absl::IsNotFound(later.subscription(wanted.name).status()));
}

}  // namespace
}  // namespace pollbus::broker
