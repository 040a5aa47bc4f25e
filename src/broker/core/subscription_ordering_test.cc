#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/subscription_queue.h"

namespace pollbus::broker {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr SubscriptionId kSubscription = 7;
constexpr seconds kLease{10};
constexpr OrderingKey kNone = 0;
constexpr OrderingKey kA = 11;
constexpr OrderingKey kB = 12;

// An ordered queue with a hand-driven clock.
class OrderingTest : public testing::Test {
 protected:
  void SetUp() override { queue.open(1, {}); }

  void push(OrderingKey key, const std::vector<MessageId>& ids) {
    for (const MessageId id : ids) {
      const std::uint32_t end = 10;
      Batch* batch =
          batches.add(std::make_unique<Batch>(id, static_cast<std::int64_t>(id), std::span(&end, 1),
                                              1, nullptr, std::span(&key, key == kNone ? 0 : 1)));
      queue.push({batch, 0, 0});
    }
  }
  std::vector<MessageId> take(std::size_t most = 1'000) {
    std::vector<MessageId> ids;
    for (const Delivery& delivery : queue.take(1, most, 1 << 20, kLease, now)) {
      ids.push_back(delivery.id);
      attempts[delivery.id] = delivery.attempt;
    }
    return ids;
  }
  AckId last(MessageId id) { return {kSubscription, id, attempts[id]}; }
  AckOutcome ack(AckId id) {
    std::vector<AckOutcome> outcomes;
    queue.acknowledge(std::span(&id, 1), &outcomes);
    return outcomes.at(0);
  }
  AckOutcome ack(MessageId id) { return ack(last(id)); }
  void nack(MessageId id) {
    const AckId ack_id = last(id);
    queue.modify_deadline(std::span(&ack_id, 1), seconds(0), now);
  }
  void advance(seconds by) {
    now += by;
    queue.expire(now);
  }

  QueueRequests requests;
  CoreObserver observer;
  Batches batches{1 << 20, &observer};
  SubscriptionQueue queue{kSubscription, {.is_ordered = true}, &batches, &requests};
  SteadyTime now{seconds(1'000)};
  std::map<MessageId, std::uint32_t> attempts;
};

TEST_F(OrderingTest, OnlyOneResponseOfAKeyIsInFlightAtATime) {
  push(kA, {1, 2});
  EXPECT_THAT(take(), ElementsAre(1, 2));
  push(kA, {3, 4});
  EXPECT_THAT(take(), IsEmpty());
  ack(1);
  EXPECT_THAT(take(), IsEmpty());
  ack(2);
  EXPECT_THAT(take(), ElementsAre(3, 4));
}

TEST_F(OrderingTest, ALimitedResponseCountsAsOneResponseToo) {
  push(kA, {1, 2, 3});
  EXPECT_THAT(take(2), ElementsAre(1, 2));
  EXPECT_THAT(take(), IsEmpty());
  ack(2);
  ack(1);
  EXPECT_THAT(take(), ElementsAre(3));
}

TEST_F(OrderingTest, KeysDoNotWaitForEachOther) {
  push(kA, {1, 2});
  push(kB, {3});
  push(kNone, {4});
  std::vector<MessageId> first = take(2);
  std::vector<MessageId> all = take();
  all.insert(all.end(), first.begin(), first.end());
  EXPECT_THAT(all, testing::IsSupersetOf({3u, 4u}));
  EXPECT_THAT(take(), IsEmpty());
  nack(4);
  EXPECT_THAT(take(), ElementsAre(4));
}

TEST_F(OrderingTest, ANackRedeliversTheMessageAndAllLaterOnesOfItsKey) {
  push(kA, {1, 2, 3, 4});
  take();
  ack(1);
  ack(3);  // before 2: it comes again
  nack(2);
  EXPECT_EQ(queue.leased(), 0u);
  EXPECT_THAT(take(), ElementsAre(2, 3, 4));
  EXPECT_EQ(attempts[3], 2u);
  for (const MessageId id : {2, 3, 4}) EXPECT_EQ(ack(id), AckOutcome::kAccepted);
  EXPECT_EQ(queue.backlog(), 0u);
}

TEST_F(OrderingTest, ARedeliveryWaitsForEarlierMessagesInFlight) {
  push(kA, {1, 2, 3});
  take();
  nack(2);
  EXPECT_THAT(take(), IsEmpty());
  ack(1);
  EXPECT_THAT(take(), ElementsAre(2, 3));
}

TEST_F(OrderingTest, AnExpiredLeaseRedeliversItsKey) {
  push(kA, {1, 2});
  take();
  const AckId stale = last(2);
  const AckId first = last(1);
  queue.modify_deadline(std::span(&stale, 1), seconds(60), now);
  advance(kLease);
  EXPECT_EQ(ack(stale), AckOutcome::kInvalid);
  EXPECT_EQ(ack(first), AckOutcome::kInvalid);
  EXPECT_THAT(take(), ElementsAre(1, 2));
}

TEST_F(OrderingTest, AcksCanComeOutOfOrder) {
  push(kA, {1, 2, 3});
  take();
  for (const MessageId id : {3, 1, 2}) EXPECT_EQ(ack(id), AckOutcome::kAccepted);
  EXPECT_EQ(queue.backlog(), 0u);
  EXPECT_EQ(queue.counts().acked, 3u);
  push(kA, {4});
  EXPECT_THAT(take(), ElementsAre(4));
}

TEST_F(OrderingTest, WithExactlyOnceDeliveryAcksMustComeInOrder) {
  queue.set_rules({.is_ordered = true, .is_exactly_once = true});
  push(kA, {1, 2});
  take();
  EXPECT_EQ(ack(2), AckOutcome::kUnordered);
  EXPECT_EQ(ack(1), AckOutcome::kAccepted);
  EXPECT_EQ(ack(2), AckOutcome::kAccepted);
  EXPECT_EQ(ack(2), AckOutcome::kInvalid);
}

TEST_F(OrderingTest, ABackoffHoldsUpTheWholeKey) {
  queue.set_rules({.is_ordered = true, .min_backoff = seconds(2), .max_backoff = seconds(60)});
  push(kA, {1, 2});
  push(kB, {3});
  take();
  nack(1);
  push(kA, {4});
  EXPECT_THAT(take(), IsEmpty());
  advance(seconds(2));
  EXPECT_THAT(take(), ElementsAre(1, 2, 4));
}

TEST_F(OrderingTest, AfterADeadMessageItsKeyContinues) {
  queue.set_rules({.is_ordered = true, .max_attempts = 1});
  push(kA, {1, 2});
  take();
  nack(1);
  ASSERT_EQ(requests.dead.size(), 1u);
  EXPECT_THAT(take(), IsEmpty());
  queue.bury(1);
  EXPECT_THAT(take(), ElementsAre(2));
}

TEST_F(OrderingTest, AConsumerIsWokenWhenAKeyBecomesAvailable) {
  push(kA, {1, 2});
  take(1);
  EXPECT_THAT(take(), IsEmpty());  // now it waits
  requests.woken.clear();
  push(kA, {3});
  EXPECT_THAT(requests.woken, IsEmpty());
  ack(1);
  EXPECT_THAT(requests.woken, ElementsAre(1));
}

TEST_F(OrderingTest, AMessageThatCouldNotBeReadIsGivenBackWithAllLaterOnes) {
  push(kA, {1, 2});
  const auto taken = queue.take(1, 10, 1 << 20, kLease, now);
  queue.give_back(std::span(taken).first(1));
  EXPECT_THAT(take(), ElementsAre(1, 2));
  EXPECT_EQ(attempts[1], 1u);
}

TEST_F(OrderingTest, SeekRestoresTheOrderOfMessages) {
  push(kA, {2, 4});
  take();
  push(kA, {5});
  const std::uint32_t end = 10;
  std::vector<QueuedMessage> added;
  for (const MessageId id : {1, 3}) {
    added.push_back({batches.add(std::make_unique<Batch>(id, 0, std::span(&end, 1), 1, nullptr,
                                                         std::span(&kA, 1))),
                     0, 0});
  }
  queue.seek([](const QueuedMessage& message) { return message.id() != 4; }, added);
  EXPECT_THAT(take(), ElementsAre(1, 2, 3, 5));
  EXPECT_EQ(queue.backlog(), 4u);
}

TEST_F(OrderingTest, ASeekRemovesMessagesThatWereAckedOutOfOrder) {
  push(kA, {1, 2});
  push(kNone, {3});
  take();
  ack(2);
  queue.seek([](const QueuedMessage&) { return true; }, {});
  EXPECT_EQ(batches.size(), 2u);
  EXPECT_THAT(take(), testing::UnorderedElementsAre(1, 3));
}

TEST_F(OrderingTest, AnAbandonedBacklogLeavesNothingBehind) {
  push(kA, {1, 2});
  push(kNone, {3, 4});
  take(2);
  push(kA, {5});
  push(kNone, {6});
  queue.abandon_all();
  EXPECT_EQ(queue.backlog(), 0u);
  EXPECT_EQ(batches.size(), 0u);
}

TEST_F(OrderingTest, OldMessagesAreDroppedUnlessTheyAreInFlight) {
  push(kA, {1, 2});
  take(1);
  push(kA, {3});
  push(kNone, {2'000});
  queue.drop_published_before(3);
  EXPECT_EQ(queue.backlog(), 3u);
  ack(1);
  EXPECT_THAT(take(), testing::UnorderedElementsAre(3, 2'000));
}

}  // namespace
}  // namespace pollbus::broker
