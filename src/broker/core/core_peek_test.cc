// Core::peek(): what a subscription has not acked, seen from outside.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/core_fixture.h"

namespace pollbus::broker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

auto peeked(MessageId id, std::uint32_t attempts, bool is_leased) {
  return AllOf(Field(&PeekedMessage::message,
                     AllOf(Field(&Delivery::id, id), Field(&Delivery::attempt, attempts))),
               Field(&PeekedMessage::is_leased, is_leased));
}

class CorePeekTest : public CoreTest {
 protected:
  std::vector<PeekedMessage> peek(const std::string& subscription, std::size_t most = 10) const {
    auto messages = core.peek(subscription, most);
    EXPECT_TRUE(messages.ok()) << messages.status();
    return messages.ok() ? *std::move(messages) : std::vector<PeekedMessage>();
  }
};

TEST_F(CorePeekTest, ShowsTheOldestMessagesThatTheFilterLetsThrough) {
  EXPECT_THAT(peek(kAll), IsEmpty());
  for (MessageId id = 1; id <= 3; ++id) ASSERT_TRUE(publish(id, id == 2 ? "4" : "3").ok());
  EXPECT_THAT(peek(kAll, 2), ElementsAre(peeked(1, 0, false), peeked(2, 0, false)));
  EXPECT_THAT(peek(kMachine), ElementsAre(peeked(1, 0, false), peeked(3, 0, false)));
  EXPECT_THAT(peek(kAll, 0), IsEmpty());
}

TEST_F(CorePeekTest, ShowsTheBytesOfEachMessageOfAPublish) {
  auto publication = route(core, 1, {"3", "4"});
  ASSERT_TRUE(publication.ok());
  ASSERT_FALSE(core.enqueue(*std::move(publication)));
  const auto messages = peek(kAll);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].message.wire(), "message");
  EXPECT_EQ(messages[1].message.begin, 7u);
  EXPECT_EQ(messages[1].message.wire(), "message");
}

TEST_F(CorePeekTest, TakesNoLeaseAndCountsNoAttempt) {
  ASSERT_TRUE(publish(1, "3").ok());
  for (int i = 0; i < 3; ++i) EXPECT_THAT(peek(kAll), ElementsAre(peeked(1, 0, false)));
  EXPECT_THAT(take_all(kAll), ElementsAre(1));
  EXPECT_THAT(observer.take_notes(), Not(testing::Contains(testing::HasSubstr("finished"))));
}

TEST_F(CorePeekTest, ShowsLeasesAndAttemptsAndNoAckedMessage) {
  for (MessageId id = 1; id <= 3; ++id) ASSERT_TRUE(publish(id, "3").ok());
  const ConsumerHandle consumer = *core.open_consumer(kAll, {});
  EXPECT_THAT(take(consumer), ElementsAre(1, 2, 3));
  ack(kAll, {2});
  EXPECT_THAT(peek(kAll), ElementsAre(peeked(1, 1, true), peeked(3, 1, true)));
  nack(kAll, 1);
  EXPECT_THAT(peek(kAll), ElementsAre(peeked(1, 1, false), peeked(3, 1, true)));
  // Other subscriptions have states of their own.
  EXPECT_THAT(peek(kMachine),
              ElementsAre(peeked(1, 0, false), peeked(2, 0, false), peeked(3, 0, false)));
}

TEST_F(CorePeekTest, AMissingSubscriptionIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(core.peek("projects/p/subscriptions/x", 1).status()));
}

}  // namespace
}  // namespace pollbus::broker
