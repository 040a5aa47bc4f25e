#include "broker/core/subscription_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr SubscriptionId kSubscription = 7;
constexpr std::size_t kMany = 1'000;
constexpr std::size_t kManyBytes = 1 << 20;
constexpr seconds kLease{10};

// A queue with a hand-driven clock, whose messages have 10 bytes each.
class SubscriptionQueueTest : public testing::Test {
 protected:
  void push(MessageId id, std::size_t bytes = 10) {
    const auto end = static_cast<std::uint32_t>(bytes);
    Batch* batch = batches.add(std::make_unique<Batch>(id, 0, std::span(&end, 1), 1, nullptr));
    queue.push({batch, 0, 0});
  }
  void push_range(MessageId first, MessageId last) {
    for (MessageId id = first; id <= last; ++id) push(id);
  }
  std::vector<Delivery> take(ConsumerId consumer, std::size_t most = kMany,
                             std::size_t most_bytes = kManyBytes) {
    return queue.take(consumer, most, most_bytes, kLease, now);
  }
  std::vector<MessageId> take_ids(ConsumerId consumer, std::size_t most = kMany) {
    std::vector<MessageId> ids;
    for (const Delivery& delivery : take(consumer, most)) ids.push_back(delivery.id);
    return ids;
  }
  std::size_t ack(const std::vector<MessageId>& messages, std::uint32_t attempt = 1) {
    std::vector<AckId> ids;
    for (const MessageId message : messages) ids.push_back({kSubscription, message, attempt});
    return queue.acknowledge(ids);
  }
  void modify(MessageId message, seconds lease, std::uint32_t attempt = 1) {
    const AckId id{kSubscription, message, attempt};
    queue.modify_deadline(std::span(&id, 1), lease, now);
  }
  void advance(seconds by) {
    now += by;
    queue.expire(now);
  }
  std::vector<ConsumerId> take_woken() { return std::exchange(requests.woken, {}); }

  QueueRequests requests;
  CoreObserver observer;
  Batches batches{kManyBytes, &observer};
  SubscriptionQueue queue{kSubscription, {}, &batches, &requests};
  SteadyTime now{seconds(1'000)};
};

TEST_F(SubscriptionQueueTest, DeliversInTheOrderOfPublishing) {
  queue.open(1, {});
  push_range(1, 5);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(queue.leased(), 5u);
  EXPECT_EQ(queue.backlog(), 5u);
}

TEST_F(SubscriptionQueueTest, AnAckRemovesTheMessage) {
  queue.open(1, {});
  push_range(1, 2);
  take(1);
  EXPECT_EQ(ack({1}), 1u);
  EXPECT_EQ(ack({1}), 0u);
  EXPECT_EQ(queue.backlog(), 1u);
  advance(kLease);
  EXPECT_THAT(take_ids(1), ElementsAre(2));
}

TEST_F(SubscriptionQueueTest, ALeaseThatExpiresMakesTheMessageAvailableWithTheNextAttempt) {
  queue.open(1, {});
  push(1);
  EXPECT_EQ(take(1).front().attempt, 1u);
  EXPECT_EQ(queue.next_deadline(), now + kLease);
  advance(kLease - seconds(1));
  EXPECT_THAT(take(1), IsEmpty());
  advance(seconds(1));
  const auto again = take(1);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again.front().attempt, 2u);
  EXPECT_EQ(queue.counts().expired, 1u);
}

TEST_F(SubscriptionQueueTest, AnAckAfterTheDeadlineStillRemovesTheMessage) {
  queue.open(1, {});
  push(1);
  take(1);
  advance(kLease);
  EXPECT_EQ(ack({1}), 1u);
  EXPECT_EQ(queue.backlog(), 0u);
  EXPECT_THAT(take(1), IsEmpty());
}

TEST_F(SubscriptionQueueTest, AnAckOfAnEarlierDeliveryEndsALaterOne) {
  queue.open(1, {});
  push(1);
  take(1);
  advance(kLease);
  take(1);
  EXPECT_EQ(ack({1}, 1), 1u);
  advance(kLease);
  EXPECT_THAT(take(1), IsEmpty());
}

TEST_F(SubscriptionQueueTest, ANackMakesTheMessageAvailableAtOnce) {
  queue.open(1, {});
  push(1);
  take(1);
  modify(1, seconds(0));
  EXPECT_EQ(queue.counts().nacked, 1u);
  EXPECT_EQ(take(1).front().attempt, 2u);
  EXPECT_EQ(queue.counts().expired, 0u);
}

TEST_F(SubscriptionQueueTest, AStaleNackDoesNotTouchTheNextLease) {
  queue.open(1, {});
  push(1);
  take(1);
  modify(1, seconds(0));
  take(1);
  modify(1, seconds(0), 1);
  EXPECT_THAT(take(1), IsEmpty());
}

TEST_F(SubscriptionQueueTest, AnAckIdOfAnotherSubscriptionIsIgnored) {
  queue.open(1, {});
  push(1);
  take(1);
  const AckId foreign{kSubscription + 1, 1, 1};
  EXPECT_EQ(queue.acknowledge(std::span(&foreign, 1)), 0u);
  queue.modify_deadline(std::span(&foreign, 1), seconds(0), now);
  EXPECT_EQ(queue.leased(), 1u);
}

TEST_F(SubscriptionQueueTest, ADeadlineCanBeExtendedAndShortened) {
  queue.open(1, {});
  push_range(1, 2);
  take(1);
  modify(1, seconds(60));
  modify(2, seconds(3));
  advance(seconds(3));
  EXPECT_THAT(take_ids(1), ElementsAre(2));
  advance(seconds(56));
  EXPECT_THAT(take_ids(1), ElementsAre(2));
  advance(seconds(1));
  EXPECT_THAT(take_ids(1), ElementsAre(1));
}

TEST_F(SubscriptionQueueTest, ALeaseOutlivesItsConsumer) {
  queue.open(1, {});
  push(1);
  take(1);
  queue.close(1);
  queue.open(2, {});
  EXPECT_THAT(take(2), IsEmpty());
  advance(kLease);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take_ids(2), ElementsAre(1));
}

TEST_F(SubscriptionQueueTest, ANackedMessageThatWentBackToAClosingConsumerIsAvailableAtOnce) {
  queue.open(1, {});
  queue.open(2, {});
  push_range(1, 2);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
  modify(1, seconds(0));
  EXPECT_THAT(take_ids(1), ElementsAre(1)) << "which goes back into the closing stream";
  EXPECT_THAT(take_ids(2), IsEmpty());
  queue.close(1);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take_ids(2), ElementsAre(1)) << "and not 2, which the client may still be working on";
  EXPECT_EQ(ack({2}), 1u);
}

TEST_F(SubscriptionQueueTest, WhatAStreamsClientHasNotReadIsAvailableAtOnceWhenTheStreamEnds) {
  queue.open(1, {});
  queue.open(2, {});
  push_range(1, 4);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(take_ids(2), IsEmpty());
  modify(1, seconds(60));
  modify(3, seconds(60));
  queue.close(1, Closing::kStreamEnded);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take_ids(2), ElementsAre(2, 4))
      << "the client has confirmed that it has read 1 and 3";
  EXPECT_EQ(ack({1, 3}), 2u);
}

TEST_F(SubscriptionQueueTest, AConfirmationOfAnEarlierDeliveryDoesNotCount) {
  queue.open(1, {});
  push(1);
  EXPECT_THAT(take_ids(1), ElementsAre(1));
  modify(1, seconds(2));
  advance(seconds(2));
  EXPECT_THAT(take_ids(1), ElementsAre(1));
  queue.close(1, Closing::kStreamEnded);
  queue.open(2, {});
  EXPECT_THAT(take_ids(2), ElementsAre(1));
}

TEST_F(SubscriptionQueueTest, LeasesOutliveAStreamWhoseClientNeverExtendsThem) {
  queue.open(1, {});
  push_range(1, 2);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
  EXPECT_EQ(ack({1}), 1u);
  queue.close(1, Closing::kStreamEnded);
  EXPECT_EQ(queue.leased(), 1u);
}

TEST_F(SubscriptionQueueTest, LeasesOutliveAPullThatWasAnswered) {
  queue.open(1, {});
  push_range(1, 2);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
  modify(1, seconds(60));
  queue.close(1);
  EXPECT_EQ(queue.leased(), 2u);
}

TEST_F(SubscriptionQueueTest, AMessageThatAnotherConsumerNackedStaysLeasedWhenItsConsumerCloses) {
  queue.open(1, {});
  push(1);
  EXPECT_THAT(take_ids(1), ElementsAre(1));
  modify(1, seconds(0));
  queue.open(2, {});
  EXPECT_THAT(take_ids(2), ElementsAre(1));
  queue.close(2);
  EXPECT_EQ(queue.leased(), 1u);
  EXPECT_THAT(take_ids(1), IsEmpty());
}

TEST_F(SubscriptionQueueTest, AConsumerAtItsLimitCanCloseAfterANack) {
  queue.open(1, {.messages = 1});
  push(1);
  EXPECT_THAT(take_ids(1), ElementsAre(1));
  modify(1, seconds(0));
  EXPECT_THAT(take_ids(1), ElementsAre(1));
  push(2);
  EXPECT_THAT(take_ids(1), IsEmpty());
  queue.close(1);
  queue.open(2, {});
  EXPECT_THAT(take_ids(2), UnorderedElementsAre(1, 2));
}

TEST_F(SubscriptionQueueTest, AResponseIsBoundedByMessagesAndBytes) {
  queue.open(1, {});
  push_range(1, 10);
  EXPECT_THAT(take(1, 4), SizeIs(4));
  EXPECT_THAT(take(1, kMany, 35), SizeIs(3));
  EXPECT_THAT(take(1, kMany, 1), SizeIs(1));  // one message of any size
}

TEST_F(SubscriptionQueueTest, AnAckAnExpiryAndANackGiveCreditBack) {
  queue.open(1, {.messages = 2});
  push_range(1, 9);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
  EXPECT_THAT(take(1), IsEmpty());
  ack({1});
  EXPECT_THAT(take_woken(), ElementsAre(1));
  EXPECT_THAT(take_ids(1), ElementsAre(3));
  EXPECT_THAT(take(1), IsEmpty());
  modify(3, seconds(0));
  EXPECT_THAT(take_woken(), ElementsAre(1));
  EXPECT_THAT(take(1), SizeIs(1));
  EXPECT_THAT(take(1), IsEmpty());
  advance(kLease);
  EXPECT_THAT(take_woken(), ElementsAre(1));
  EXPECT_THAT(take(1), SizeIs(2));
}

TEST_F(SubscriptionQueueTest, BytesAreLimitedButALargeMessageIsDeliveredAlone) {
  queue.open(1, {.bytes = 25});
  push_range(1, 3);
  push(4, 100);
  push(5);
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
  EXPECT_THAT(take(1), IsEmpty());
  ack({1, 2});
  EXPECT_THAT(take_ids(1), ElementsAre(3));
  EXPECT_THAT(take(1), IsEmpty());
  ack({3});
  EXPECT_THAT(take_ids(1), ElementsAre(4));
  EXPECT_THAT(take(1), IsEmpty());
  ack({4});
  EXPECT_THAT(take_ids(1), ElementsAre(5));
}

TEST_F(SubscriptionQueueTest, OnlyAConsumerThatFoundNothingIsWoken) {
  queue.open(1, {});
  queue.open(2, {});
  EXPECT_THAT(take(1), IsEmpty());
  push(1);
  EXPECT_THAT(take_woken(), ElementsAre(1));
  push(2);
  EXPECT_THAT(take_woken(), IsEmpty());  // 1 is about to take
  EXPECT_THAT(take_ids(1), ElementsAre(1, 2));
}

TEST_F(SubscriptionQueueTest, SingleMessagesGoToIdleConsumersInTurn) {
  queue.open(1, {});
  queue.open(2, {});
  std::map<ConsumerId, int> received;
  take(1);
  take(2);
  for (MessageId id = 1; id <= 100; ++id) {
    push(id);
    for (const ConsumerId consumer : take_woken()) {
      received[consumer] += static_cast<int>(take(consumer).size());
      take(consumer);  // finds nothing and waits again
    }
  }
  EXPECT_EQ(received[1], 50);
  EXPECT_EQ(received[2], 50);
}

TEST_F(SubscriptionQueueTest, WaitingConsumersShareMessages) {
  for (const ConsumerId consumer : {1, 2, 3}) {
    queue.open(consumer, {});
    take(consumer);
  }
  push_range(1, 100);
  EXPECT_THAT(take_woken(), ElementsAre(1, 2, 3));
  EXPECT_THAT(take(1), SizeIs(34));
  EXPECT_THAT(take(2), SizeIs(33));
  EXPECT_THAT(take(3), SizeIs(33));
}

// work(n): two consumers take and ack n messages each, every 100 ms, for one second. Then both
// wait.
class BusyQueueTest : public SubscriptionQueueTest {
 protected:
  void work(MessageId each) {
    for (const ConsumerId consumer : {1, 2}) queue.open(consumer, {});
    for (int i = 0; i < 10; ++i) {
      for (const ConsumerId consumer : {1, 2}) {
        push_range(last + 1, last + each);
        last += each;
        const std::vector<MessageId> taken = take_ids(consumer);
        EXPECT_THAT(taken, SizeIs(each));
        ack(taken);
      }
      now += std::chrono::milliseconds(100);
    }
    for (const ConsumerId consumer : {1, 2}) EXPECT_THAT(take(consumer), IsEmpty());
    take_woken();
  }
  MessageId last = 0;
};

TEST_F(BusyQueueTest, AConsumerGetsAloneWhatItCanAckInAMoment) {
  work(100);
  push_range(last + 1, last + 100);
  EXPECT_THAT(take_woken(), ElementsAre(1));
  EXPECT_THAT(take(1), SizeIs(100));
  push_range(last + 101, last + 200);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take(2), SizeIs(100));
}

TEST_F(BusyQueueTest, MoreThanAConsumerCanAckInAMomentIsShared) {
  work(100);
  push_range(last + 1, last + 150);
  EXPECT_THAT(take_woken(), ElementsAre(1, 2));
  EXPECT_THAT(take(1), SizeIs(75));
  EXPECT_THAT(take(2), SizeIs(75));
}

TEST_F(BusyQueueTest, SlowConsumersShareWhateverArrives) {
  work(1);
  push_range(last + 1, last + 2);
  EXPECT_THAT(take_woken(), ElementsAre(1, 2));
}

TEST_F(BusyQueueTest, AConsumerThatAckedLongAgoCountsAsSlow) {
  work(100);
  now += seconds(60);
  for (const ConsumerId consumer : {1, 2}) EXPECT_THAT(take(consumer), IsEmpty());
  push_range(last + 1, last + 2);
  EXPECT_THAT(take_woken(), ElementsAre(1, 2));
}

TEST_F(BusyQueueTest, NacksDoNotMakeAConsumerFast) {
  queue.open(1, {});
  queue.open(2, {});
  push_range(1, 100);
  for (std::uint32_t attempt = 1; attempt <= 10; ++attempt) {
    for (const MessageId id : take_ids(1)) modify(id, seconds(0), attempt);
    now += std::chrono::milliseconds(100);
  }
  ack(take_ids(2), 11);
  EXPECT_THAT(take(1), IsEmpty());
  EXPECT_THAT(take(2), IsEmpty());
  take_woken();
  push_range(101, 102);
  EXPECT_THAT(take_woken(), ElementsAre(1, 2));
}

TEST_F(SubscriptionQueueTest, AWokenConsumerThatClosesLeavesTheMessageToAnother) {
  queue.open(1, {});
  queue.open(2, {});
  take(1);
  take(2);
  push(1);
  EXPECT_THAT(take_woken(), ElementsAre(1));
  queue.close(1);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take_ids(2), ElementsAre(1));
}

TEST_F(SubscriptionQueueTest, MessagesBeyondAConsumersLimitGoToAnother) {
  queue.open(1, {.messages = 1});
  queue.open(2, {});
  push(1);
  take(1);
  EXPECT_THAT(take(1), IsEmpty());
  take(2);
  push(2);
  EXPECT_THAT(take_woken(), ElementsAre(2));
  EXPECT_THAT(take_ids(2), ElementsAre(2));
}

TEST_F(SubscriptionQueueTest, RedeliveriesAndNewMessagesTakeTurns) {
  queue.open(1, {});
  push_range(1, 3);
  take(1);
  for (const MessageId id : {1, 2, 3}) modify(id, seconds(0));
  push_range(4, 6);
  EXPECT_THAT(take_ids(1), testing::UnorderedElementsAre(1, 2, 3, 4, 5, 6));
  for (const MessageId id : {1, 2, 3}) modify(id, seconds(0), 2);
  push_range(7, 9);
  const std::vector<MessageId> next = take_ids(1, 2);
  EXPECT_THAT(next, testing::Contains(7));
  EXPECT_THAT(next, testing::Contains(1));
}

TEST_F(SubscriptionQueueTest, DeadlinesOfAckedMessagesDoNotAccumulate) {
  queue.open(1, {});
  for (MessageId id = 1; id <= 10'000; ++id) {
    push(id);
    take(1);
    ack({id});
  }
  push(10'001);
  take(1);
  EXPECT_EQ(queue.leased(), 1u);
  advance(kLease);
  EXPECT_EQ(queue.counts().expired, 1u);
  EXPECT_FALSE(queue.next_deadline().has_value());
}

}  // namespace
}  // namespace pollbus::broker
