#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/core_fixture.h"

namespace pollbus::broker {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kStrict = "projects/p/subscriptions/strict";
const std::string kDeadTopic = "projects/p/topics/dead";
const std::string kDeadSub = "projects/p/subscriptions/dead";

class DeliveryRulesTest : public CoreTest {
 protected:
  void create(const DeliveryRules& rules) {
    SubscriptionConfig wanted = config(kStrict, "");
    wanted.rules = rules;
    if (rules.max_attempts != 0) wanted.dead_letter_topic = kDeadTopic;
    ASSERT_TRUE(core.create_subscription(std::move(wanted)).ok());
  }
  void create_dead_letter_topic() {
    ASSERT_TRUE(core.create_topic(kDeadTopic, "").ok());
    SubscriptionConfig dead = config(kDeadSub, "");
    dead.topic = kDeadTopic;
    ASSERT_TRUE(core.create_subscription(std::move(dead)).ok());
  }
  // Delivers and nacks the message until its attempts are used up.
  void kill(MessageId id, std::uint32_t attempts) {
    for (std::uint32_t attempt = 1; attempt <= attempts; ++attempt) {
      ASSERT_THAT(take_all(kStrict), testing::Contains(id));
      nack(kStrict, id, attempt);
    }
  }
  static IncomingBatch letter(MessageId id) {
    return {.first_id = id,
            .body = std::make_shared<const std::string>("dead"),
            .ends = {4},
            .attributes = {{}}};
  }
};

TEST_F(DeliveryRulesTest, BackoffDoublesUpToItsMaximum) {
  const DeliveryRules rules{.min_backoff = milliseconds(100), .max_backoff = milliseconds(350)};
  EXPECT_EQ(backoff_after(rules, 1), milliseconds(100));
  EXPECT_EQ(backoff_after(rules, 2), milliseconds(200));
  EXPECT_EQ(backoff_after(rules, 3), milliseconds(350));
  EXPECT_EQ(backoff_after(rules, 4'000'000'000), milliseconds(350));
  EXPECT_EQ(backoff_after({}, 7), milliseconds(0));
}

TEST_F(DeliveryRulesTest, ANackedMessageWaits) {
  create({.min_backoff = seconds(5), .max_backoff = seconds(100)});
  ASSERT_TRUE(publish(1, "3").ok());
  ASSERT_TRUE(publish(2, "3").ok());
  EXPECT_THAT(take_all(kStrict), ElementsAre(1, 2));
  nack(kStrict, 1);
  EXPECT_EQ(core.next_event(), now + seconds(5));
  EXPECT_THAT(take_all(kStrict), IsEmpty());
  const ConsumerHandle consumer = *core.open_consumer(kStrict, {});
  EXPECT_THAT(take(consumer), IsEmpty());
  core.take_woken();
  now += seconds(5);
  core.advance(now, 0);
  EXPECT_THAT(core.take_woken(), ElementsAre(consumer.consumer));
  EXPECT_THAT(take(consumer), ElementsAre(1));
  nack(kStrict, 1, 2);
  now += seconds(9);
  core.advance(now, 0);
  EXPECT_THAT(take(consumer), IsEmpty());  // the lease of 2 has expired just now
  now += seconds(1);
  core.advance(now, 0);
  EXPECT_THAT(take(consumer), ElementsAre(1));
  now += seconds(4);
  core.advance(now, 0);
  EXPECT_THAT(take(consumer), ElementsAre(2));
}

TEST_F(DeliveryRulesTest, AMessageThatWaitsCanStillBeAcked) {
  create({.min_backoff = seconds(5), .max_backoff = seconds(100)});
  ASSERT_TRUE(publish(1, "3").ok());
  take_all(kStrict);
  nack(kStrict, 1);
  ack(kStrict, {1});
  now += seconds(5);
  core.advance(now, 0);
  EXPECT_THAT(take_all(kStrict), IsEmpty());
}

TEST_F(DeliveryRulesTest, WithExactlyOnceDeliveryAnAckCountsOnlyWhileTheLeaseIsHeld) {
  create({.is_exactly_once = true});
  ASSERT_TRUE(publish(1, "3").ok());
  take_all(kStrict);
  now += seconds(10);
  core.advance(now, 0);
  const std::vector<AckId> stale{ack_id(kStrict, 1, 1)};
  std::vector<AckOutcome> outcomes;
  ASSERT_TRUE(core.acknowledge(kStrict, stale, &outcomes).ok());
  EXPECT_THAT(outcomes, ElementsAre(AckOutcome::kInvalid));
  EXPECT_THAT(take_all(kStrict), ElementsAre(1));
  const std::vector<AckId> both{ack_id(kStrict, 1, 1), ack_id(kStrict, 1, 2)};
  outcomes.clear();
  ASSERT_TRUE(core.modify_deadline(kStrict, both, seconds(20), now, &outcomes).ok());
  EXPECT_THAT(outcomes, ElementsAre(AckOutcome::kInvalid, AckOutcome::kAccepted));
  outcomes.clear();
  ASSERT_TRUE(core.acknowledge(kStrict, both, &outcomes).ok());
  EXPECT_THAT(outcomes, ElementsAre(AckOutcome::kInvalid, AckOutcome::kAccepted));
}

TEST_F(DeliveryRulesTest, OnlySubscriptionsWithExactlyOnceDeliveryReportOutcomes) {
  ASSERT_TRUE(publish(1, "3").ok());
  const std::vector<AckId> stale{ack_id(kAll, 1, 1)};
  std::vector<AckOutcome> outcomes;
  ASSERT_TRUE(core.acknowledge(kAll, stale, &outcomes).ok());
  EXPECT_THAT(outcomes, IsEmpty());
}

TEST_F(DeliveryRulesTest, AttemptsAreShownOnlyWithADeadLetterPolicy) {
  create_dead_letter_topic();
  create({.max_attempts = 5});
  ASSERT_TRUE(publish(1, "3").ok());
  const auto first_shown = [this](const std::string& subscription) {
    const auto taken = core.take(*core.open_consumer(subscription, {}), 1, 1, std::nullopt, now);
    return taken->at(0).shown_attempt;
  };
  EXPECT_EQ(first_shown(kStrict), 1u);
  nack(kStrict, 1);
  EXPECT_EQ(first_shown(kStrict), 2u);
  EXPECT_EQ(first_shown(kAll), 0u);
}

TEST_F(DeliveryRulesTest, AMessageThatHasUsedUpItsAttemptsGoesToTheDeadLetterTopic) {
  create_dead_letter_topic();
  create({.max_attempts = 2});
  ASSERT_TRUE(publish(1, "4").ok());
  kill(1, 2);
  EXPECT_THAT(take_all(kStrict), IsEmpty());
  ASSERT_TRUE(core.has_dead_letters());
  const auto letters = core.take_dead_letters(10);
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_FALSE(core.has_dead_letters());
  EXPECT_EQ(letters[0].subscription, kStrict);
  EXPECT_EQ(letters[0].topic, kDeadTopic);
  EXPECT_EQ(letters[0].message.attempt, 2u);
  EXPECT_EQ(letters[0].message.wire(), "message");
  observer.take_notes();
  auto publication = core.bury(letters[0], letter(2));
  ASSERT_TRUE(publication.ok());
  // The publication and the change of the original are written together.
  EXPECT_THAT(publication->batches, SizeIs(1));
  EXPECT_THAT(observer.take_notes(), ElementsAre("delivery 1 of 1 is 255"));
  EXPECT_FALSE(core.enqueue(*std::move(publication)));
  core.buried(letters[0]);
  EXPECT_THAT(take_all(kDeadSub), ElementsAre(2));
  EXPECT_EQ(core.report(core.subscriptions().at(kStrict))->backlog, 0u);
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
  ack(kAll, {1});
  EXPECT_THAT(observer.take_notes(), testing::Contains("finished 1"));
}

TEST_F(DeliveryRulesTest, ADeadLetterThatCouldNotBeStoredIsTriedAgain) {
  create_dead_letter_topic();
  create({.max_attempts = 1});
  ASSERT_TRUE(publish(1, "4").ok());
  kill(1, 1);
  const DeadLetter dead = core.take_dead_letters(10).at(0);
  ASSERT_TRUE(core.bury(dead, letter(2)).ok());
  observer.take_notes();
  core.exhume(dead);
  EXPECT_THAT(observer.take_notes(), ElementsAre("delivery 1 of 1 is 1"));
  EXPECT_THAT(core.take_dead_letters(10), SizeIs(1));
}

TEST_F(DeliveryRulesTest, WithoutItsTopicADeadLetterIsDeliveredAgain) {
  create_dead_letter_topic();
  create({.max_attempts = 1});
  ASSERT_TRUE(core.delete_topic(kDeadTopic).ok());
  ASSERT_TRUE(publish(1, "4").ok());
  kill(1, 1);
  const DeadLetter dead = core.take_dead_letters(10).at(0);
  EXPECT_TRUE(absl::IsNotFound(core.bury(dead, letter(2)).status()));
  EXPECT_THAT(take_all(kStrict), ElementsAre(1));
}

TEST_F(DeliveryRulesTest, ADeadLetterThatWasAckedMeanwhileIsNotMoved) {
  create_dead_letter_topic();
  create({.max_attempts = 1});
  ASSERT_TRUE(publish(1, "4").ok());
  ASSERT_TRUE(publish(2, "4").ok());
  ASSERT_TRUE(publish(3, "4").ok());
  for (const MessageId id : take_all(kStrict)) nack(kStrict, id);
  ack(kStrict, {1});
  const auto letters = core.take_dead_letters(10);
  ASSERT_THAT(letters, SizeIs(2));
  ack(kStrict, {2});
  EXPECT_FALSE(core.bury(letters[0], letter(10)).ok());
  ASSERT_TRUE(core.bury(letters[1], letter(11)).ok());
  ASSERT_TRUE(core.delete_subscription(kStrict).ok());
  core.buried(letters[1]);
}

TEST_F(DeliveryRulesTest, RulesCanBeChanged) {
  create({});
  SubscriptionConfig wanted = config(kStrict, "attributes:ignored");
  wanted.rules = {.is_ordered = true, .is_exactly_once = true};
  ASSERT_TRUE(core.update_subscription(std::move(wanted)).ok());
  EXPECT_TRUE(core.is_exactly_once(kStrict));
  EXPECT_FALSE(core.properties(core.subscriptions().at(kStrict)).is_ordered);
  EXPECT_TRUE((*core.subscription(kStrict))->filter.matches_everything());
}

TEST_F(DeliveryRulesTest, AnUnorderedSubscriptionIgnoresOrderingKeys) {
  ASSERT_TRUE(publish_keyed(1, "k").ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
  ASSERT_TRUE(publish_keyed(2, "k").ok());
  EXPECT_THAT(take_all(kAll), ElementsAre(2));
}

}  // namespace
}  // namespace pollbus::broker
