#include "bus/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "support/manual_clock.h"

namespace pollbus {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<Inbox::Delivery> deliveries(const std::vector<std::string>& names, int bytes = 1) {
  std::vector<Inbox::Delivery> out;
  for (const std::string& name : names) {
    const auto ack_id = std::make_shared<const std::string>("ack " + name);
    Inbox::Delivery& delivery = out.emplace_back();
    delivery.ack_id = *ack_id;
    delivery.bytes = bytes;
    delivery.message.id = delivery.ack_id.substr(4);
    delivery.message.storage = ack_id;
  }
  return out;
}

std::vector<std::string> ids(const Inbox::Batch& batch) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    EXPECT_EQ(batch.ack_ids.at(i), "ack " + std::string(batch.messages[i].id));
    out.emplace_back(batch.messages[i].id);
  }
  return out;
}

void release(Inbox& inbox, const std::vector<std::string_view>& ack_ids) { inbox.release(ack_ids); }

class InboxTest : public ::testing::Test {
 protected:
  testing::ManualClock clock;  // its times are in the past, so a linger is always over
  std::stop_source stop;
};

TEST_F(InboxTest, AFullBatchIsTakenAtOnce) {
  Inbox inbox({.max_batch_messages = 2, .max_linger = hours(1), .min_linger_messages = 1},
              system_clock());
  inbox.add(deliveries({"a", "b", "c"}));
  EXPECT_THAT(ids(inbox.take(stop.get_token())), ElementsAre("a", "b"));
  EXPECT_EQ(inbox.outstanding(), 3);
}

TEST_F(InboxTest, APartialBatchIsTakenWhenItsLingerIsOver) {
  Inbox inbox({.max_batch_messages = 10, .max_linger = hours(1), .min_linger_messages = 1}, clock);
  inbox.add(deliveries({"a"}));
  clock.advance(hours(1));
  inbox.add(deliveries({"b"}));
  EXPECT_THAT(ids(inbox.take(stop.get_token())), ElementsAre("a", "b"));
}

TEST_F(InboxTest, FewMessagesAreTakenAtOnce) {
  Inbox inbox({.max_linger = hours(1), .min_linger_messages = 3}, clock);
  inbox.add(deliveries({"a", "b"}));
  EXPECT_EQ(ids(inbox.take({})), (std::vector<std::string>{"a", "b"}));
}

TEST_F(InboxTest, ALingeringBatchIsTakenAsSoonAsItIsFull) {
  Inbox inbox({.max_batch_messages = 3, .max_linger = hours(1), .min_linger_messages = 1},
              system_clock());
  Inbox::Batch batch;
  std::jthread taker([&] { batch = inbox.take(stop.get_token()); });
  for (const char* name : {"a", "b", "c"}) inbox.add(deliveries({name}));
  taker.join();
  EXPECT_THAT(ids(batch), ElementsAre("a", "b", "c"));
}

TEST_F(InboxTest, AWaitingHandlerGetsTheFirstMessage) {
  Inbox inbox({.max_linger = milliseconds(0)}, clock);
  Inbox::Batch batch;
  std::jthread taker([&] { batch = inbox.take(stop.get_token()); });
  inbox.add(deliveries({"a"}));
  taker.join();
  EXPECT_THAT(ids(batch), ElementsAre("a"));
}

TEST_F(InboxTest, AStopEndsTheWaitWithAnEmptyBatch) {
  Inbox inbox({.max_batch_messages = 2, .max_linger = hours(1), .min_linger_messages = 1},
              system_clock());
  std::jthread waits([&] { EXPECT_THAT(inbox.take(stop.get_token()).messages, IsEmpty()); });
  stop.request_stop();
  waits.join();

  inbox.add(deliveries({"a"}));
  stop = std::stop_source();
  std::jthread lingers([&] { EXPECT_THAT(inbox.take(stop.get_token()).messages, IsEmpty()); });
  stop.request_stop();
  lingers.join();
  EXPECT_THAT(inbox.remove_waiting().ack_ids, ElementsAre("ack a"));
}

TEST_F(InboxTest, AnAckIdIsAcceptedOnceUntilItIsReleased) {
  Inbox inbox({.max_linger = milliseconds(0)}, clock);
  inbox.add(deliveries({"a", "a", "b"}));
  inbox.add(deliveries({"b"}));
  const auto batch = inbox.take(stop.get_token());
  EXPECT_THAT(ids(batch), ElementsAre("a", "b"));
  inbox.add(deliveries({"a"}));
  EXPECT_EQ(inbox.outstanding(), 2);
  inbox.release(batch.ack_ids);
  EXPECT_EQ(inbox.outstanding(), 0);
  inbox.add(deliveries({"a"}));
  EXPECT_THAT(ids(inbox.take(stop.get_token())), ElementsAre("a"));
}

TEST_F(InboxTest, HasRoomForTwiceTheRequestedMessages) {
  Inbox inbox({.max_linger = milliseconds(0), .max_outstanding_messages = 2}, clock);
  EXPECT_TRUE(inbox.add(deliveries({"a", "b", "c"})));
  EXPECT_FALSE(inbox.add(deliveries({"d"})));
  EXPECT_FALSE(inbox.has_room());
  const auto batch = inbox.take(stop.get_token());
  EXPECT_FALSE(inbox.has_room()) << "what the handler works on counts too";
  inbox.release(std::span(batch.ack_ids).first(1));
  EXPECT_TRUE(inbox.has_room());
}

TEST_F(InboxTest, HasRoomForTwiceTheRequestedBytes) {
  Inbox inbox({.max_linger = milliseconds(0), .max_outstanding_bytes = 100}, clock);
  EXPECT_TRUE(inbox.add(deliveries({"a"}, 199)));
  EXPECT_FALSE(inbox.add(deliveries({"b"}, 1)));
  release(inbox, {"ack b"});
  EXPECT_TRUE(inbox.has_room());
  release(inbox, {"ack b", "ack unknown"});
  EXPECT_FALSE(inbox.add(deliveries({"c"}, 1)));
}

TEST_F(InboxTest, ALeaseIsDueForExtensionAtHalfOfItsDeadline) {
  Inbox inbox({.max_linger = milliseconds(0), .ack_deadline = seconds(10)}, clock);
  inbox.add(deliveries({"a"}));
  clock.advance(seconds(2));
  inbox.add(deliveries({"b"}));
  const auto batch = inbox.take(stop.get_token());
  clock.advance(milliseconds(2'999));
  EXPECT_THAT(inbox.due_for_extension(), IsEmpty());
  clock.advance(milliseconds(1));
  EXPECT_THAT(inbox.due_for_extension(), ElementsAre("ack a"));
  EXPECT_THAT(inbox.due_for_extension(), IsEmpty()) << "it is extended from now on";
  clock.advance(seconds(2));
  EXPECT_THAT(inbox.due_for_extension(), ElementsAre("ack b"));
  release(inbox, {"ack a"});
  clock.advance(seconds(5));
  EXPECT_THAT(inbox.due_for_extension(), ElementsAre("ack b"));
}

TEST_F(InboxTest, LeasesOfWaitingMessagesAreExtended) {
  Inbox inbox({.ack_deadline = seconds(10)}, clock);
  inbox.add(deliveries({"a", "b"}));
  clock.advance(seconds(5));
  EXPECT_THAT(inbox.due_for_extension(), UnorderedElementsAre("ack a", "ack b"));
}

TEST_F(InboxTest, ALeaseIsNotExtendedBeyondTheMaximum) {
  Inbox inbox({.ack_deadline = seconds(10), .max_lease = std::chrono::minutes(1)}, clock);
  inbox.add(deliveries({"a"}));
  clock.advance(seconds(60));
  EXPECT_THAT(inbox.due_for_extension(), SizeIs(1));
  clock.advance(seconds(5));
  EXPECT_THAT(inbox.due_for_extension(), IsEmpty());
}

TEST_F(InboxTest, RemovesOnlyMessagesThatTheHandlerHasNotGot) {
  Inbox inbox({.max_batch_messages = 1}, clock);
  inbox.add(deliveries({"a", "b", "c"}));
  const auto batch = inbox.take(stop.get_token());
  EXPECT_THAT(inbox.remove_waiting().ack_ids, ElementsAre("ack b", "ack c"));
  EXPECT_THAT(inbox.remove_waiting().ack_ids, IsEmpty());
  EXPECT_EQ(inbox.outstanding(), 1);
  clock.advance(seconds(10));
  EXPECT_THAT(inbox.due_for_extension(), ElementsAre("ack a"));
}

}  // namespace
}  // namespace pollbus
