#include "bus/pull_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "bus/fake_bus.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using std::chrono::seconds;

class PullStreamTest : public ::testing::Test {
 protected:
  std::unique_ptr<PullStream> open() {
    PullStream::Request first;
    first.set_subscription("projects/p/subscriptions/s");
    return std::make_unique<PullStream>(*connection->stubs().raw, first, clock,
                                        [this](const std::vector<Inbox::Delivery>& deliveries) {
                                          received += static_cast<int>(deliveries.size());
                                          bus.happened();
                                          return reads_on.load();
                                        });
  }
  static bool has_ended(PullStream& stream) {
    return stream.wait_until(system_clock().now() + seconds(20));
  }

  testing::ManualClock clock;
  FakeBus bus;
  std::shared_ptr<Connection> connection = bus.connect();
  std::atomic<bool> reads_on = true;
  std::atomic<int> received = 0;
};

TEST_F(PullStreamTest, ItsMetadataNamesTheSubscription) {
  std::string asked;
  bus.on_stream = [&](int, grpc::ServerContext& context, FakeBus::Stream&) {
    const auto found = context.client_metadata().find("x-goog-request-params");
    if (found != context.client_metadata().end())
      asked = std::string(found->second.data(), found->second.size());
    return grpc::Status::OK;
  };
  const auto stream = open();
  ASSERT_TRUE(has_ended(*stream));
  EXPECT_EQ(asked, "subscription=projects/p/subscriptions/s");
}

TEST_F(PullStreamTest, EndsWithTheServersStatus) {
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "gone");
  };
  const auto stream = open();
  ASSERT_TRUE(has_ended(*stream));
  EXPECT_EQ(stream->status().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(stream->status().error_message(), "gone");
}

TEST_F(PullStreamTest, APingIsAnEmptyRequest) {
  std::latch pinged(2);
  bus.on_stream = [&](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    pubsub::StreamingPullRequest request;
    stream.Read(&request);
    while (stream.Read(&request)) {
      EXPECT_EQ(request.ByteSizeLong(), 0U);
      if (!pinged.try_wait()) pinged.count_down();
      stream.Write({});
    }
    return grpc::Status::OK;
  };
  const auto stream = open();
  EXPECT_TRUE(bus.wait([&] {
    stream->ping();
    bus.happened();
    return pinged.try_wait();
  }));
  stream->half_close();
  EXPECT_TRUE(has_ended(*stream));
  stream->ping();
  stream->half_close();
}

TEST_F(PullStreamTest, AfterAHalfCloseMessagesOnTheirWayStillArrive) {
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    FakeBus::keep_open(stream);
    stream.Write(FakeBus::response({"late", "later"}));
    return grpc::Status::OK;
  };
  const auto stream = open();
  stream->half_close();
  ASSERT_TRUE(has_ended(*stream));
  EXPECT_EQ(received, 2);
  EXPECT_TRUE(stream->status().ok());
}

TEST_F(PullStreamTest, ReadsOneResponseAtATimeWhilePaused) {
  reads_on = false;
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    for (int i = 0; i < 3; ++i) stream.Write(FakeBus::response({std::to_string(i)}));
    return grpc::Status::OK;
  };
  const auto stream = open();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(bus.wait([&] { return received == i; }));
    EXPECT_FALSE(stream->wait_until(system_clock().now()));
    stream->resume();
  }
  EXPECT_TRUE(has_ended(*stream));
}

TEST_F(PullStreamTest, APausedStreamEndsWhenItIsCancelledAndResumed) {
  reads_on = false;
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    stream.Write(FakeBus::response({"a"}));
    return FakeBus::keep_open(stream);
  };
  const auto stream = open();
  ASSERT_TRUE(bus.wait([&] { return received == 1; }));
  stream->cancel();
  stream->resume();
  ASSERT_TRUE(has_ended(*stream));
  EXPECT_EQ(stream->status().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(PullStreamTest, EachResponseIsASignOfLife) {
  std::latch write(1);
  bus.on_stream = [&](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    write.wait();
    stream.Write({});
    return FakeBus::keep_open(stream);
  };
  const auto begun = clock.now();
  const auto stream = open();
  EXPECT_EQ(stream->last_heard(), begun);
  clock.advance(seconds(30));
  write.count_down();
  EXPECT_TRUE(bus.wait([&] {
    bus.happened();
    return stream->last_heard() == begun + seconds(30);
  }));
  stream->cancel();
  EXPECT_TRUE(has_ended(*stream));
}

TEST_F(PullStreamTest, PausedReadingDoesNotCountAsSilence) {
  reads_on = false;
  bus.on_stream = [](int, grpc::ServerContext&, FakeBus::Stream& stream) {
    stream.Write(FakeBus::response({"a"}));
    return FakeBus::keep_open(stream);
  };
  const auto stream = open();
  ASSERT_TRUE(bus.wait([&] { return received == 1; }));
  clock.advance(seconds(100));
  stream->resume();
  EXPECT_EQ(stream->last_heard(), clock.now());
  stream->cancel();
  EXPECT_TRUE(has_ended(*stream));
}

}  // namespace
}  // namespace pollbus
