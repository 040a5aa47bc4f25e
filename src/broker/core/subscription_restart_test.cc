// How a queue handles messages that an earlier process of the broker delivered.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "broker/core/subscription_queue.h"

namespace pollbus::broker {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr SubscriptionId kSubscription = 7;
constexpr seconds kLease{10};
constexpr std::uint32_t kEarlier = 4;
constexpr std::uint32_t kNow = 5;

// A queue of the fifth process that uses the data, with a hand-driven clock.
class RestartTest : public testing::Test {
 protected:
  void start(const DeliveryRules& rules) {
    queue.emplace(kSubscription, rules, &batches, &requests, kNow);
    queue->open(1, {});
  }
  void restore(MessageId id, DeliveryState attempts) {
    const std::uint32_t end = 10;
    Batch* batch = batches.add(std::make_unique<Batch>(id, 0, std::span(&end, 1), 1, nullptr));
    batch->set_state(0, attempts);
    queue->restore({batch, 0, 0});
  }
  std::vector<MessageId> take() {
    std::vector<MessageId> ids;
    for (const Delivery& delivery : queue->take(1, 1'000, 1 << 20, kLease, now)) {
      EXPECT_EQ(delivery.start, kNow);
      ids.push_back(delivery.id);
      last_attempts[delivery.id] = delivery.attempt;
    }
    return ids;
  }
  AckOutcome ack(const AckId& id) {
    std::vector<AckOutcome> outcomes;
    queue->acknowledge(std::span(&id, 1), &outcomes);
    return outcomes.at(0);
  }
  AckOutcome ack(MessageId message, std::uint32_t attempt, std::uint32_t start) {
    return ack(AckId{kSubscription, message, attempt, start});
  }
  void extend(MessageId message, std::uint32_t attempt, seconds lease) {
    const AckId id{kSubscription, message, attempt, kEarlier};
    queue->modify_deadline(std::span(&id, 1), lease, now);
  }
  void advance(seconds by) {
    now += by;
    queue->expire(now);
  }

  QueueRequests requests;
  CoreObserver observer;
  Batches batches{1 << 20, &observer};
  std::optional<SubscriptionQueue> queue;
  std::map<MessageId, std::uint32_t> last_attempts;
  SteadyTime now{seconds(1'000)};
};

TEST_F(RestartTest, WithExactlyOnceDeliveryTheHoldersOfMessagesCanStillAckAndExtend) {
  start({.is_exactly_once = true});
  restore(1, 2);
  restore(2, 1);
  restore(3, 0);
  queue->resume(kLease, now);
  EXPECT_EQ(queue->leased(), 2u);
  EXPECT_THAT(take(), ElementsAre(3)) << "which nobody had before";
  EXPECT_EQ(ack(1, 2, kEarlier), AckOutcome::kAccepted);
  EXPECT_EQ(ack(1, 2, kEarlier), AckOutcome::kInvalid);
  extend(2, 1, seconds(30));
  advance(kLease);
  EXPECT_THAT(take(), ElementsAre(3));
  advance(seconds(20));
  EXPECT_THAT(take(), UnorderedElementsAre(2, 3));
}

TEST_F(RestartTest, TheHolderOfAnAttemptThatTheCrashForgotCanStillAck) {
  start({.is_exactly_once = true});
  restore(1, 1);
  queue->resume(kLease, now);
  EXPECT_EQ(ack(1, 2, kEarlier), AckOutcome::kAccepted) << "attempt 2 was made and not stored";
}

TEST_F(RestartTest, AnIdOfAnEarlierProcessDoesNotAckANewDelivery) {
  start({.is_exactly_once = true});
  restore(1, 0);  // an earlier process made attempt 1 and crashed before it was stored
  queue->resume(kLease, now);
  EXPECT_THAT(take(), ElementsAre(1));
  EXPECT_EQ(last_attempts[1], 1u);
  EXPECT_EQ(ack(1, 1, kEarlier), AckOutcome::kInvalid);
  EXPECT_EQ(ack(1, 1, kNow), AckOutcome::kAccepted);
}

TEST_F(RestartTest, AnIdOfAnEarlierProcessIsStaleOnceItsLeaseHasEnded) {
  start({.is_exactly_once = true});
  restore(1, 1);
  queue->resume(kLease, now);
  advance(kLease);
  EXPECT_THAT(take(), ElementsAre(1));
  EXPECT_EQ(last_attempts[1], 2u);
  EXPECT_EQ(ack(1, 1, kEarlier), AckOutcome::kInvalid);
  EXPECT_EQ(ack(1, 2, kEarlier), AckOutcome::kInvalid);
  EXPECT_EQ(ack(1, 2, kNow), AckOutcome::kAccepted);
}

TEST_F(RestartTest, AnOrderedMessageIsNotAckedByAnIdOfAnEarlierProcess) {
  start({.is_ordered = true});
  const std::uint32_t end = 10;
  const OrderingKey key = 11;
  Batch* batch = batches.add(
      std::make_unique<Batch>(1, 0, std::span(&end, 1), 1, nullptr, std::span(&key, 1)));
  queue->restore({batch, 0, 0});
  queue->resume(kLease, now);
  EXPECT_THAT(take(), ElementsAre(1));
  EXPECT_EQ(ack(1, 1, kEarlier), AckOutcome::kInvalid);
  EXPECT_EQ(ack(1, 1, kNow), AckOutcome::kAccepted);
}

TEST_F(RestartTest, PlainMessagesAreDeliveredAtOnceAndAnyIdAcksThem) {
  start({});
  restore(1, 1);
  queue->resume(kLease, now);
  EXPECT_THAT(take(), ElementsAre(1));
  EXPECT_EQ(ack(1, 1, kEarlier), AckOutcome::kAccepted);
}

TEST_F(RestartTest, AMessageThatWasDeliveredBacksOffAfterARestart) {
  start({.min_backoff = seconds(20), .max_backoff = seconds(600)});
  restore(1, 2);
  restore(2, 0);
  queue->resume(kLease, now);
  EXPECT_EQ(queue->next_deadline(), now + seconds(40));
  EXPECT_THAT(take(), ElementsAre(2));
  EXPECT_EQ(ack(2, 1, kNow), AckOutcome::kAccepted);
  advance(seconds(39));
  EXPECT_THAT(take(), IsEmpty());
  advance(seconds(1));
  EXPECT_THAT(take(), ElementsAre(1));
}

TEST_F(RestartTest, IdsOfEarlierProcessesDoNotCountAfterASeek) {
  start({});
  restore(1, 1);
  queue->resume(kLease, now);
  queue->seek([](const QueuedMessage&) { return true; }, {});
  EXPECT_THAT(take(), ElementsAre(1));
  EXPECT_EQ(ack(1, 2'000, kEarlier), AckOutcome::kInvalid);
  EXPECT_EQ(ack(1, last_attempts[1], kNow), AckOutcome::kAccepted);
}

}  // namespace
}  // namespace pollbus::broker
