#include "bus/acknowledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "bus/fake_bus.h"

namespace pollbus {
namespace {

using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Ids = std::vector<std::string_view>;

constexpr char kSubscription[] = "projects/p/subscriptions/s";
const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

class AcknowledgerTest : public ::testing::Test {
 protected:
  bool idle() {
    return acknowledger.wait_idle(std::chrono::steady_clock::now() + std::chrono::seconds(20));
  }
  grpc::Status count(const grpc::Status& status) {
    ++tries;
    bus.happened();
    return status;
  }

  FakeBus bus;
  std::atomic<int> tries = 0;
  Acknowledger acknowledger{bus.connect(), kSubscription};
};

TEST_F(AcknowledgerTest, SendsAcksNacksAndExtensionsOfItsSubscription) {
  bus.on_acknowledge = [](const pubsub::AcknowledgeRequest& request) {
    EXPECT_EQ(request.subscription(), kSubscription);
    return grpc::Status::OK;
  };
  bus.on_modify = [](const pubsub::ModifyAckDeadlineRequest& request) {
    EXPECT_EQ(request.subscription(), kSubscription);
    EXPECT_EQ(request.ack_deadline_seconds(), request.ack_ids(0) == "late" ? 15 : 0);
    return grpc::Status::OK;
  };
  acknowledger.ack(Ids{"done", "also done"});
  acknowledger.nack(Ids{"back"});
  acknowledger.extend(Ids{"late"}, 15);
  ASSERT_TRUE(idle());
  EXPECT_THAT(bus.acked(), UnorderedElementsAre("done", "also done"));
  EXPECT_THAT(bus.nacked(), UnorderedElementsAre("back"));
  EXPECT_THAT(bus.extended(), UnorderedElementsAre("late"));
}

TEST_F(AcknowledgerTest, SendsNoRequestWithoutIds) {
  bus.on_acknowledge = [this](const auto&) { return count(grpc::Status::OK); };
  acknowledger.ack(Ids{});
  ASSERT_TRUE(idle());
  EXPECT_EQ(tries, 0);
}

TEST_F(AcknowledgerTest, SplitsManyIdsIntoRequestsWithinTheServicesLimit) {
  bus.on_acknowledge = [](const pubsub::AcknowledgeRequest& request) {
    EXPECT_LE(request.ack_ids_size(), 2'000);
    EXPECT_LE(request.ByteSizeLong(), 512U * 1024);
    return grpc::Status::OK;
  };
  const std::string long_id(200, 'x');
  acknowledger.ack(Ids(9'001, long_id));
  ASSERT_TRUE(idle());
  EXPECT_THAT(bus.acked(), SizeIs(9'001));
}

TEST_F(AcknowledgerTest, FlushRepeatsCallsThatFailedTransiently) {
  bus.on_acknowledge = [this](const auto&) { return count(tries < 2 ? kAway : grpc::Status::OK); };
  acknowledger.ack(Ids{"a", "b"});
  EXPECT_TRUE(bus.wait([this] {
    acknowledger.flush();
    bus.happened();
    return !bus.acked().empty();
  }));
  ASSERT_TRUE(idle());
  EXPECT_THAT(bus.acked(), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(acknowledger.lost_acks(), 0);
}

TEST_F(AcknowledgerTest, AnAckIsLostAndCountedAfterSixTries) {
  bus.on_acknowledge = [this](const auto&) { return count(kAway); };
  acknowledger.ack(Ids{"a", "b", "c"});
  EXPECT_TRUE(bus.wait([this] {
    acknowledger.flush();
    bus.happened();
    return acknowledger.lost_acks() > 0;
  }));
  EXPECT_TRUE(idle());
  EXPECT_EQ(tries, 6);
  EXPECT_EQ(acknowledger.lost_acks(), 3);
}

TEST_F(AcknowledgerTest, AnAckRefusedForGoodIsLostAtOnce) {
  bus.on_acknowledge = [this](const auto&) {
    return count(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such subscription"));
  };
  acknowledger.ack(Ids{"a"});
  EXPECT_TRUE(idle());
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(acknowledger.lost_acks(), 1);
}

TEST_F(AcknowledgerTest, ARefusedNackDoesNotCountAsALostAck) {
  bus.on_modify = [](const auto&) { return grpc::Status(grpc::StatusCode::NOT_FOUND, "gone"); };
  acknowledger.nack(Ids{"a"});
  acknowledger.extend(Ids{"b"}, 10);
  EXPECT_TRUE(idle());
  EXPECT_EQ(acknowledger.lost_acks(), 0);
}

TEST_F(AcknowledgerTest, IsNotIdleWhileACallIsUnanswered) {
  std::latch answer(1);
  bus.on_acknowledge = [&](const auto&) {
    answer.wait();
    return grpc::Status::OK;
  };
  acknowledger.ack(Ids{"a"});
  EXPECT_FALSE(acknowledger.wait_idle(std::chrono::steady_clock::now()));
  answer.count_down();
  EXPECT_TRUE(idle());
}

TEST_F(AcknowledgerTest, CanBeDestroyedWhileACallIsUnanswered) {
  std::latch answer(1);
  std::latch begun(1);
  bus.on_acknowledge = [&](const auto&) {
    begun.count_down();
    answer.wait();
    return grpc::Status::OK;
  };
  std::jthread answers;
  {
    Acknowledger shortlived(bus.connect(), kSubscription);
    shortlived.ack(Ids{"a"});
    begun.wait();
    answers = std::jthread([&] { answer.count_down(); });
  }
  EXPECT_TRUE(bus.wait([this] { return !bus.acked().empty(); }));
}

}  // namespace
}  // namespace pollbus
