// Tests of Subscriber::stop().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "bus/fake_bus.h"
#include "bus/subscriber.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// No test should take nearly this long.
constexpr seconds kNever{3'600};

class SubscriberStopTest : public ::testing::Test {
 protected:
  SubscriberStopTest() {
    options.max_batch_messages = 1;
    options.reconnect = {.initial = milliseconds(1), .max = milliseconds(1)};
    options.drain_timeout = kNever;
    bus.on_stream = [](int number, grpc::ServerContext&, FakeBus::Stream& stream) {
      if (number == 1) stream.Write(FakeBus::response({"a", "b", "c"}));
      return FakeBus::keep_open(stream);
    };
    handler = [this](std::span<const ReceivedMessage> batch, std::stop_token stop) {
      if (!begun.try_wait()) begun.count_down();
      work(stop);
      return std::vector<Verdict>(batch.size(), verdict);
    };
  }

  void start() {
    subscriber = std::make_unique<Subscriber>(
        bus.connect(), [] { return absl::OkStatus(); }, "projects/p/subscriptions/s", handler,
        options);
  }

  FakeBus bus;
  SubscriberOptions options;
  BatchHandler handler;
  std::latch begun{1};
  std::latch go_on{1};
  std::function<void(std::stop_token)> work = [this](std::stop_token) { go_on.wait(); };
  std::atomic<Verdict> verdict = Verdict::kAck;
  std::unique_ptr<Subscriber> subscriber;
};

TEST_F(SubscriberStopTest, LetsTheHandlerFinishAndNacksTheRestAtOnce) {
  start();
  begun.wait();
  std::jthread stopper([this] { subscriber->stop(); });
  // The rest is nacked while the handler still works.
  EXPECT_TRUE(bus.wait([this] { return bus.nacked().size() == 2; }));
  EXPECT_THAT(bus.acked(), IsEmpty());
  go_on.count_down();
  stopper.join();
  EXPECT_THAT(bus.acked(), ElementsAre("a"));
  EXPECT_THAT(bus.nacked(), UnorderedElementsAre("b", "c"));
  EXPECT_EQ(subscriber->counts().outstanding, 0);
}

TEST_F(SubscriberStopTest, AsksAHandlerThatTakesTooLongToReturn) {
  options.drain_timeout = milliseconds(50);
  verdict = Verdict::kNack;
  std::atomic<bool> asked = false;
  work = [&](std::stop_token stop) { asked = !system_clock().pause(kNever, stop); };
  start();
  begun.wait();
  subscriber->stop();
  EXPECT_TRUE(asked);
  EXPECT_THAT(bus.acked(), IsEmpty());
  EXPECT_THAT(bus.nacked(), UnorderedElementsAre("a", "b", "c"));
}

TEST_F(SubscriberStopTest, ExtendsLeasesWhileTheHandlerStillWorks) {
  options.ack_deadline = seconds(1);
  start();
  begun.wait();
  std::jthread stopper([this] { subscriber->stop(); });
  EXPECT_TRUE(bus.wait([this] { return bus.nacked().size() == 2; }));
  const auto before = bus.extended().size();
  EXPECT_TRUE(bus.wait([&] { return bus.extended().size() > before; }));
  go_on.count_down();
}

TEST_F(SubscriberStopTest, ALastAckThatFailsTransientlyIsSentAgain) {
  std::atomic<int> tries = 0;
  bus.on_acknowledge = [&](const auto&) {
    return ++tries <= 2 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "away") : grpc::Status::OK;
  };
  start();
  begun.wait();
  std::jthread stopper([this] { subscriber->stop(); });
  EXPECT_TRUE(bus.wait([this] { return bus.nacked().size() == 2; }));
  go_on.count_down();
  stopper.join();
  EXPECT_THAT(bus.acked(), ElementsAre("a"));
}

TEST_F(SubscriberStopTest, EveryCallOfStopReturnsWhenItHasStopped) {
  start();
  begun.wait();
  std::atomic<int> returned = 0;
  std::vector<std::jthread> stoppers;
  for (int i = 0; i < 3; ++i) {
    stoppers.emplace_back([&] {
      subscriber->stop();
      EXPECT_THAT(bus.acked(), SizeIs(1));
      ++returned;
    });
  }
  EXPECT_TRUE(bus.wait([this] { return bus.nacked().size() == 2; }));
  EXPECT_EQ(returned, 0);
  go_on.count_down();
}

TEST_F(SubscriberStopTest, EndsAStreamThatTheServerKeepsOpen) {
  bus.on_stream = [](int, grpc::ServerContext& context, FakeBus::Stream& stream) {
    pubsub::StreamingPullRequest request;
    while (stream.Read(&request)) {
    }
    while (!context.IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  };
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.streams() == 1; }));
  subscriber->stop();
}

TEST_F(SubscriberStopTest, EndsWhileReadingIsPaused) {
  options.max_outstanding_messages = 1;
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    for (int i = 0; i < 100; ++i) stream.Write(FakeBus::response({std::to_string(i)}));
    return FakeBus::keep_open(stream);
  };
  start();
  begun.wait();
  EXPECT_TRUE(bus.wait([this] {
    bus.happened();
    return subscriber->counts().outstanding >= 2;
  }));
  std::jthread stopper([this] { subscriber->stop(); });
  EXPECT_TRUE(bus.wait([this] { return !bus.nacked().empty(); }));
  go_on.count_down();
  stopper.join();
  EXPECT_EQ(subscriber->counts().outstanding, 0);
  EXPECT_EQ(static_cast<std::int64_t>(bus.acked().size() + bus.nacked().size()),
            subscriber->counts().received);
}

TEST_F(SubscriberStopTest, EndsWhileTheBusIsUnavailable) {
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  };
  options.reconnect = {.initial = kNever, .max = kNever};
  start();
  EXPECT_TRUE(bus.wait([this] { return bus.streams() == 1; }));
  subscriber->stop();
}

TEST_F(SubscriberStopTest, CanBeDestroyedAtOnce) {
  go_on.count_down();
  for (int i = 0; i < 20; ++i) start();
}

TEST_F(SubscriberStopTest, EndsInTimeWhenTheServerAnswersNoAck) {
  const auto answer = std::make_shared<std::latch>(1);  // outlives the test with its calls
  bus.on_acknowledge = [answer](const auto&) {
    answer->wait();
    return grpc::Status::OK;
  };
  go_on.count_down();
  start();
  EXPECT_TRUE(bus.wait([this] {
    bus.happened();
    return subscriber->counts().acked == 3;
  }));
  const auto begun_at = std::chrono::steady_clock::now();
  subscriber.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun_at, seconds(5));
  answer->count_down();
}

}  // namespace
}  // namespace pollbus
