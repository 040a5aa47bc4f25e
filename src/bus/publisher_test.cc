#include "bus/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <semaphore>
#include <set>
#include <stop_token>
#include <thread>

#include "base/status.h"
#include "bus/fake_bus.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTopic[] = "projects/p/topics/election";

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() {
    bus.on_publish = [this](const pubsub::PublishRequest& request,
                            pubsub::PublishResponse* response) {
      EXPECT_EQ(request.topic(), kTopic);
      for (const auto& message : request.messages())
        response->add_message_ids("id " + message.data().substr(0, 20));
      const std::lock_guard lock(mutex);
      requests.push_back({.messages = request.messages_size(), .bytes = request.ByteSizeLong()});
      return grpc::Status::OK;
    };
  }

  struct Request {
    int messages;
    std::size_t bytes;
  };
  FakeBus bus;
  std::unique_ptr<Publisher> publisher = make_publisher(bus.connect(), kTopic);
  std::mutex mutex;
  std::vector<Request> requests;
};

TEST_F(PublisherTest, SendsDataAndAttributes) {
  bus.on_publish = [](const pubsub::PublishRequest& request, pubsub::PublishResponse* response) {
    EXPECT_EQ(request.messages(0).data(), std::string("\0\xff", 2));
    EXPECT_EQ(request.messages(0).attributes().at("function"), "result");
    EXPECT_EQ(request.messages(0).attributes().at("machineID"), "3");
    response->add_message_ids("41");
    return grpc::Status::OK;
  };
  const std::vector<Message> batch{
      {std::string("\0\xff", 2), {{"function", "result"}, {"machineID", "3"}}}};
  EXPECT_EQ(publisher->publish(batch), absl::OkStatus());
}

TEST_F(PublisherTest, AnEmptyBatchSendsNoRequest) {
  EXPECT_EQ(publisher->publish({}), absl::OkStatus());
  EXPECT_THAT(requests, IsEmpty());
}

TEST_F(PublisherTest, SplitsAtAThousandMessages) {
  std::vector<Message> batch;
  for (int i = 0; i < 2'500; ++i) batch.push_back({std::to_string(i), {}});
  EXPECT_EQ(publisher->publish(batch), absl::OkStatus());
  std::multiset<int> sizes;
  for (const Request& request : requests) sizes.insert(request.messages);
  EXPECT_EQ(sizes, (std::multiset<int>{500, 1'000, 1'000}));
}

TEST_F(PublisherTest, SplitsBeforeARequestGrowsOverTheServicesTenMegabytes) {
  // Attributes count too.
  const Message large{std::string(400'000, 'd'), {{"key", std::string(1'000'000 / 2, 'v')}}};
  const std::vector<Message> batch(25, large);
  EXPECT_EQ(publisher->publish(batch), absl::OkStatus());
  EXPECT_THAT(requests, SizeIs(3));
  for (const Request& request : requests) EXPECT_LT(request.bytes, 10'000'000U);
}

TEST_F(PublisherTest, AMessageOfNineMegabytesPasses) {
  const std::vector<Message> batch{{std::string(9'000'000, 'd'), {}}, {"small", {}}};
  EXPECT_EQ(publisher->publish(batch), absl::OkStatus());
}

TEST_F(PublisherTest, AnErrorKeepsItsCodeAndNamesTheTopic) {
  bus.on_publish = [](const pubsub::PublishRequest&, pubsub::PublishResponse*) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such topic");
  };
  const std::vector<Message> batch{{"data", {}}};
  const auto status = publisher->publish(batch);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(kTopic));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no such topic"));
}

TEST_F(PublisherTest, WhyTheServerRefusesAMessageIsNotToldBecauseItMayQuoteAVote) {
  for (const auto code : {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::OUT_OF_RANGE}) {
    bus.on_publish = [&](const auto& request, auto*) {
      return grpc::Status(code, "invalid: " + request.messages(0).data());
    };
    const absl::Status refused = publisher->publish(std::vector<Message>{{"canary", {}}});
    EXPECT_TRUE(is_refused(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()),
                ::testing::AllOf(HasSubstr(kTopic), ::testing::Not(HasSubstr("canary"))));
  }
}

TEST_F(PublisherTest, OneFailedRequestOfManyFailsTheBatch) {
  const auto works = bus.on_publish;
  bus.on_publish = [&](const pubsub::PublishRequest& request, pubsub::PublishResponse* response) {
    if (request.messages_size() < 1'000) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
    return works(request, response);
  };
  const std::vector<Message> batch(2'500, Message{"data", {}});
  EXPECT_TRUE(absl::IsUnavailable(publisher->publish(batch)));
}

TEST_F(PublisherTest, AnAnswerWithTooFewIdsIsAnError) {
  bus.on_publish = [](const pubsub::PublishRequest&, pubsub::PublishResponse* response) {
    response->add_message_ids("1");
    return grpc::Status::OK;
  };
  const std::vector<Message> batch(2, Message{"data", {}});
  EXPECT_TRUE(absl::IsInternal(publisher->publish(batch)));
}

TEST_F(PublisherTest, AStopEndsAPublishThatTheServerDoesNotAnswer) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  // Shared, because the server may still call the handler after this test.
  const auto arrived = std::make_shared<std::counting_semaphore<>>(0);
  bus.on_publish = [=](const pubsub::PublishRequest&, pubsub::PublishResponse*) {
    arrived->release();
    released.wait();
    return grpc::Status::OK;
  };
  for (const std::size_t messages : {1u, 2'500u}) {
    const std::vector<Message> batch(messages, Message{"data", {}});
    std::stop_source stop;
    const std::jthread stopper([&] {
      arrived->acquire();
      stop.request_stop();
    });
    EXPECT_TRUE(absl::IsCancelled(publisher->publish(batch, stop.get_token())));
  }
  release.set_value();
}

TEST_F(PublisherTest, AfterAStopNothingIsPublished) {
  std::stop_source stop;
  stop.request_stop();
  const std::vector<Message> batch{{"data", {}}};
  EXPECT_TRUE(absl::IsCancelled(publisher->publish(batch, stop.get_token())));
  EXPECT_THAT(requests, IsEmpty());
}

TEST_F(PublisherTest, WithoutAServerIsUnavailable) {
  const auto nobody =
      Connection::open({.project = "p", .emulator_host = "127.0.0.1:1", .credentials_file = ""});
  ASSERT_TRUE(nobody.ok());
  const std::vector<Message> batch{{"data", {}}};
  EXPECT_TRUE(absl::IsUnavailable(make_publisher(*nobody, kTopic)->publish(batch)));
}

TEST_F(PublisherTest, ManyThreadsMayPublishAtOnce) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        const std::vector<Message> batch(1'001, Message{std::to_string(t), {}});
        EXPECT_EQ(publisher->publish(batch), absl::OkStatus());
      }
    });
  }
}

}  // namespace
}  // namespace pollbus
