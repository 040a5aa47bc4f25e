#include "base/http_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <memory>
#include <vector>

#include "base/metrics.h"
#include "support/http_get.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using testing::http_get;

class HttpEndpointTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpEndpoint> start(int port = 0) {
    auto started = HttpEndpoint::start("127.0.0.1", port, readiness, registry);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? std::move(started).value() : nullptr;
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
};

TEST_F(HttpEndpointTest, SaysThatTheProcessIsAliveEvenWhenItIsNotReady) {
  readiness.expect("redis");
  const auto endpoint = start();
  const auto answer = http_get(endpoint->port(), "/healthz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST_F(HttpEndpointTest, IsReadyWhenEachPartIsAndSaysWhatIsNot) {
  readiness.expect("redis");
  const auto endpoint = start();
  auto answer = http_get(endpoint->port(), "/readyz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr(R"("reason":"starting")"));

  readiness.ready("redis");
  answer = http_get(endpoint->port(), "/readyz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST_F(HttpEndpointTest, ClientsThatKeepTheirConnectionsKeepNobodyElseOut) {
  const auto endpoint = start();
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < 5; ++i) {
    auto& client =
        clients.emplace_back(std::make_unique<httplib::Client>("127.0.0.1", endpoint->port()));
    client->set_keep_alive(true);
    client->set_read_timeout(2);
    EXPECT_TRUE(client->Get("/healthz")) << "client " << i;
  }
}

TEST_F(HttpEndpointTest, ServesTheMetricsAsPrometheusReadsThem) {
  counter(registry, "pollbus_votes_total", "Votes", {{"outcome", "recorded"}}).Increment(3);
  const auto endpoint = start();
  const auto answer = http_get(endpoint->port(), "/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("# TYPE pollbus_votes_total counter\n"));
  EXPECT_THAT(answer->body, HasSubstr("pollbus_votes_total{outcome=\"recorded\"} 3\n"));
}

TEST_F(HttpEndpointTest, ServesWhatIsCollectedElsewhereToo) {
  prometheus::Registry elsewhere;
  counter(registry, "pollbus_votes_total", "Votes").Increment();
  counter(elsewhere, "broker_messages_total", "Messages").Increment();
  const auto endpoint = HttpEndpoint::start("127.0.0.1", 0, readiness, registry, &elsewhere);
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const auto answer = http_get((*endpoint)->port(), "/metrics");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("pollbus_votes_total 1\n"));
  EXPECT_THAT(answer->body, HasSubstr("broker_messages_total 1\n"));
}

TEST_F(HttpEndpointTest, KnowsNoOtherPath) {
  const auto endpoint = start();
  const auto answer = http_get(endpoint->port(), "/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
}

TEST_F(HttpEndpointTest, APortThatAnotherHoldsIsUnavailable) {
  const auto endpoint = start();
  const auto second = HttpEndpoint::start("127.0.0.1", endpoint->port(), readiness, registry);
  ASSERT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("127.0.0.1:" + std::to_string(endpoint->port())));
}

TEST_F(HttpEndpointTest, AnAddressThatIsNotOursIsUnavailable) {
  EXPECT_TRUE(
      absl::IsUnavailable(HttpEndpoint::start("192.0.2.1", 0, readiness, registry).status()));
}

TEST_F(HttpEndpointTest, APortIsFreeAgainWhenItsEndpointIsGone) {
  auto endpoint = start();
  const int port = endpoint->port();
  ASSERT_TRUE(http_get(port, "/healthz"));
  endpoint.reset();
  EXPECT_FALSE(http_get(port, "/healthz"));
  endpoint = start(port);
  ASSERT_NE(endpoint, nullptr);
  EXPECT_TRUE(http_get(port, "/healthz"));
}

TEST_F(HttpEndpointTest, CanBeDestroyedRightAfterItsStart) {
  for (int i = 0; i < 50; ++i) start();
}

}  // namespace
}  // namespace pollbus
