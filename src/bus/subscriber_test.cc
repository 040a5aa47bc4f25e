#include "bus/subscriber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "bus/fake_bus.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class SubscriberTest : public ::testing::Test {
 protected:
  SubscriberTest() {
    options.reconnect = {.initial = milliseconds(1), .max = milliseconds(1)};
    handler = [](std::span<const ReceivedMessage> batch, std::stop_token) {
      return std::vector<Verdict>(batch.size(), Verdict::kAck);
    };
  }

  // Makes the first stream deliver these responses and stay open.
  void deliver(const std::vector<std::vector<std::string>>& responses) {
    bus.on_stream = [responses](int number, grpc::ServerContext&, FakeBus::Stream& stream) {
      if (number == 1) {
        for (const auto& messages : responses) stream.Write(FakeBus::response(messages));
      }
      return FakeBus::keep_open(stream);
    };
  }
  Subscriber& start() {
    subscriber = std::make_unique<Subscriber>(
        bus.connect(), [this] { return ensure(); }, "projects/p/subscriptions/s", handler, options,
        events);
    return *subscriber;
  }

  FakeBus bus;
  SubscriberOptions options;
  SubscriberEvents events;
  BatchHandler handler;
  std::function<absl::Status()> ensure = [] { return absl::OkStatus(); };
  std::unique_ptr<Subscriber> subscriber;
};

TEST_F(SubscriberTest, AsksForItsSubscriptionWithDeadlineFlowControlAndKeepAlive) {
  std::latch asked(1);
  pubsub::StreamingPullRequest first;
  bus.on_stream = [&](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    stream.Read(&first);
    asked.count_down();
    return FakeBus::keep_open(stream);
  };
  options.max_outstanding_messages = 7;
  options.max_outstanding_bytes = 1'000;
  options.ack_deadline = seconds(11);
  start();
  asked.wait();
  subscriber->stop();
  EXPECT_EQ(first.subscription(), "projects/p/subscriptions/s");
  EXPECT_EQ(first.stream_ack_deadline_seconds(), 11);
  EXPECT_EQ(first.max_outstanding_messages(), 7);
  EXPECT_EQ(first.max_outstanding_bytes(), 1'000);
  EXPECT_EQ(first.protocol_version(), 1);
}

TEST(BatchAnswersTest, AMessageIsAckedOnlyIfItsVerdictSaysSo) {
  const std::vector<std::string_view> ack_ids{"a", "b", "c"};
  const std::vector<Verdict> verdicts{Verdict::kAck, Verdict::kNack};
  const BatchAnswers answers = answers_to(ack_ids, verdicts);
  EXPECT_THAT(answers.acks, ElementsAre("a"));
  EXPECT_THAT(answers.nacks, ElementsAre("b", "c"));
}

TEST_F(SubscriberTest, AcksAndNacksAsTheHandlerSays) {
  deliver({{"good", "bad", "also good"}});
  handler = [](std::span<const ReceivedMessage> batch, std::stop_token) {
    std::vector<Verdict> verdicts;
    for (const auto& message : batch) {
      EXPECT_EQ(message.id, "id of " + std::string(message.data));
      verdicts.push_back(message.data == "bad" ? Verdict::kNack : Verdict::kAck);
    }
    return verdicts;
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 2 && bus.nacked().size() == 1; }));
  EXPECT_THAT(bus.acked(), UnorderedElementsAre("good", "also good"));
  EXPECT_THAT(bus.nacked(), ElementsAre("bad"));
  const SubscriberCounts counts = subscriber->counts();
  EXPECT_EQ(counts.received, 3);
  EXPECT_EQ(counts.acked, 2);
  EXPECT_EQ(counts.nacked, 1);
  EXPECT_EQ(counts.outstanding, 0);
  EXPECT_EQ(counts.connects, 1);
}

TEST_F(SubscriberTest, AMessageWithoutAVerdictIsNacked) {
  deliver({{"a", "b"}});
  options.max_linger = milliseconds(0);
  handler = [](auto, auto) { return std::vector<Verdict>{Verdict::kAck}; };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() + bus.nacked().size() == 2; }));
  EXPECT_THAT(bus.nacked(), ElementsAre("b"));
}

TEST_F(SubscriberTest, AMessageDeliveredTwiceUnderOneAckIdIsHandledOnceAtATime) {
  deliver({{"a", "a"}, {"a"}, {"b"}});
  options.max_batch_messages = 1;
  std::atomic<int> handled = 0;
  handler = [&](auto batch, auto) {
    if (batch[0].data == "a") {
      ++handled;
      // By now all messages have arrived.
      EXPECT_TRUE(bus.wait([this] {
        bus.happened();
        return subscriber != nullptr && subscriber->counts().received == 4;
      }));
    }
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 2; }));
  EXPECT_EQ(handled, 1);
}

TEST_F(SubscriberTest, ExtendsTheLeaseWhileTheHandlerWorks) {
  deliver({{"slow", "waiting"}});
  options.max_batch_messages = 1;
  options.ack_deadline = seconds(1);
  handler = [this](auto batch, auto) {
    if (batch[0].data == "slow") {
      EXPECT_TRUE(bus.wait([this] {
        const auto extended = bus.extended();
        return std::count(extended.begin(), extended.end(), "slow") >= 2;
      }));
      EXPECT_THAT(bus.extended(), Contains("waiting"));
    }
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
  bus.on_modify = [](const pubsub::ModifyAckDeadlineRequest& request) {
    EXPECT_EQ(request.ack_deadline_seconds(), 1);
    return grpc::Status::OK;
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 2; }));
}

TEST_F(SubscriberTest, ReconnectsWhenTheServerEndsTheStreamAndEnsuresEachTime) {
  std::atomic<int> ensured = 0;
  std::atomic<int> connected = 0;
  std::vector<absl::Status> ends;
  ensure = [&] {
    ++ensured;
    EXPECT_EQ(bus.streams(), ensured - 1);
    return absl::OkStatus();
  };
  events.connected = [&] { ++connected; };
  events.disconnected = [&](const absl::Status& status) { ends.push_back(status); };
  bus.on_stream = [](int number, grpc::ServerContext&, FakeBus::Stream& stream) {
    if (number == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server went away");
    if (number == 2) return grpc::Status::OK;
    if (number == 3) return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no");
    stream.Write(FakeBus::response({"at last"}));
    return FakeBus::keep_open(stream);
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 1; }));
  subscriber->stop();
  EXPECT_EQ(ensured, 4);
  EXPECT_EQ(connected, 1) << "the other streams were refused or ended at once";
  ASSERT_THAT(ends, SizeIs(3));
  EXPECT_EQ(ends[0].message(), "the server went away");
  EXPECT_TRUE(absl::IsUnavailable(ends[1]));
  EXPECT_TRUE(absl::IsPermissionDenied(ends[2]));
}

TEST_F(SubscriberTest, AStreamThatTheServerRefusesNeverCountsAsConnected) {
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream&) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no");
  };
  std::atomic<int> connected = 0;
  std::atomic<int> refused = 0;
  events.connected = [&] { ++connected; };
  events.disconnected = [&](const absl::Status& status) {
    if (absl::IsPermissionDenied(status)) ++refused;
  };
  start();
  EXPECT_TRUE(bus.wait([&] { return bus.streams() >= 5; }));
  subscriber->stop();
  EXPECT_EQ(connected, 0);
  EXPECT_GE(refused, 4);
}

TEST_F(SubscriberTest, AnAcceptedStreamCountsAsConnectedEvenIfItIsSilent) {
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    return FakeBus::keep_open(stream);
  };
  std::latch connected(1);
  events.connected = [&] { connected.count_down(); };
  start();
  connected.wait();
  subscriber->stop();
}

TEST_F(SubscriberTest, DoesNotConnectBeforeTheSubscriptionIsEnsured) {
  std::atomic<int> ensured = 0;
  deliver({{"a"}});
  ensure = [&] {
    EXPECT_EQ(bus.streams(), 0);
    return ++ensured < 3 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 1; }));
  EXPECT_EQ(ensured, 3);
}

TEST_F(SubscriberTest, AMessageOfAnEndedStreamIsStillAcked) {
  std::latch second(1);
  bus.on_stream = [&](int number, grpc::ServerContext&, FakeBus::Stream& stream) {
    if (number == 1) {
      stream.Write(FakeBus::response({"a"}));
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
    }
    if (number == 2) second.count_down();
    return FakeBus::keep_open(stream);
  };
  handler = [&](auto batch, auto) {
    second.wait();
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 1; }));
}

TEST_F(SubscriberTest, AFailedAckIsSentAgain) {
  std::atomic<int> tries = 0;
  deliver({{"a"}});
  bus.on_acknowledge = [&](const auto&) {
    return ++tries == 1 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "away") : grpc::Status::OK;
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == 1; }));
  EXPECT_EQ(subscriber->counts().lost_acks, 0);
}

TEST_F(SubscriberTest, ReadsAtMostTwiceTheLimitFromAServerThatIgnoresFlowControl) {
  constexpr int kAsked = 10;
  constexpr int kMessages = 1'000;
  options.max_outstanding_messages = kAsked;
  options.max_batch_messages = 1;
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    for (int i = 0; i < kMessages; ++i) stream.Write(FakeBus::response({std::to_string(i)}));
    return FakeBus::keep_open(stream);
  };
  std::atomic<std::int64_t> most = 0;
  handler = [&](auto batch, auto) {
    if (subscriber != nullptr)
      most = std::max<std::int64_t>(most, subscriber->counts().outstanding);
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
  std::latch started(1);
  ensure = [&] {
    started.wait();
    return absl::OkStatus();
  };
  start();
  started.count_down();
  EXPECT_TRUE(bus.wait([this] { return bus.acked().size() == kMessages; }));
  EXPECT_LE(most, 2 * kAsked);
  EXPECT_GE(most, kAsked);
}

}  // namespace
}  // namespace pollbus
