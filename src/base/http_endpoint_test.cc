#include "base/http_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <map>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "support/http_get.h"
#include "support/manual_clock.h"
#include "support/raw_client.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using testing::http_get;
using testing::RawClient;

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

TEST_F(HttpEndpointTest, ClientsThatKeepTheirConnectionsDoNotKeepOthersOut) {
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

TEST_F(HttpEndpointTest, ServesTheMetricsInPrometheusTextFormat) {
  counter(registry, "pollbus_votes_total", "Votes", {{"outcome", "recorded"}}).Increment(3);
  const auto endpoint = start();
  const auto answer = http_get(endpoint->port(), "/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("# TYPE pollbus_votes_total counter\n"));
  EXPECT_THAT(answer->body, HasSubstr("pollbus_votes_total{outcome=\"recorded\"} 3\n"));
}

TEST_F(HttpEndpointTest, ServesTheMetricsOfAnotherCollectorToo) {
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

TEST_F(HttpEndpointTest, ShowsWhetherItIsReadyAsAMetric) {
  readiness.expect("redis");
  const auto endpoint = start();
  EXPECT_THAT(http_get(endpoint->port(), "/metrics")->body, HasSubstr("pollbus_ready 0\n"));
  readiness.ready("redis");
  EXPECT_THAT(http_get(endpoint->port(), "/metrics")->body, HasSubstr("pollbus_ready 1\n"));
}

TEST_F(HttpEndpointTest, ProbesAreAnsweredBesideThreeHundredSlowConnections) {
  const auto endpoint = start();
  for (const std::string& begin :
       {std::string(), std::string("GET /healthz HTTP/1.1\r\nX-a: "),
        std::string("POST /healthz HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")}) {
    std::vector<RawClient> slow(300);
    for (RawClient& client : slow) {
      client.connect_to(endpoint->port());
      client.send(begin);
    }
    const auto answer = http_get(endpoint->port(), "/healthz");
    ASSERT_TRUE(answer) << begin;
    EXPECT_EQ(answer->status, 200);
  }
}

TEST_F(HttpEndpointTest, MoreConnectionsThanItServesDoNotKeepAProbeOut) {
  const auto endpoint = start();
  std::vector<RawClient> idle(700);
  for (RawClient& client : idle) client.connect_to(endpoint->port());
  EXPECT_TRUE(http_get(endpoint->port(), "/healthz"));
}

TEST_F(HttpEndpointTest, ARequestThatTakesTooLongAsAWholeIsCutOff) {
  const auto endpoint = start();
  RawClient client;
  client.connect_to(endpoint->port());
  client.send("GET /healthz HTTP/1.1\r\nX-a: ");
  const auto begin = std::chrono::steady_clock::now();
  // A byte every 100 ms until the server hangs up.
  while (client.is_open_after(std::chrono::milliseconds(100))) {
    client.send("z");
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  }
}

TEST_F(HttpEndpointTest, OnlyGetAndHeadWithoutABodyAreServed) {
  const auto endpoint = start();
  const std::map<std::string, std::string> status_by_request{
      {"HEAD /healthz HTTP/1.1\r\n\r\n", "200"},
      {"GET /healthz?a=b HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "200"},
      {"POST /metrics HTTP/1.1\r\nContent-Length: 60000000\r\n\r\n", "405"},
      {"DELETE / HTTP/1.1\r\n\r\n", "405"},
      {"GET /healthz HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "413"},
      {"GET /healthz HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", "413"},
      {"PRI * HTTP/2.0\r\n\r\n", "400"},
      {"nonsense\r\n\r\n", "400"},
      {"\r\n\r\n", "400"},
      {"GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n\r\n", "431"}};
  for (const auto& [request, status] : status_by_request) {
    RawClient client;
    client.connect_to(endpoint->port());
    client.send(request);
    EXPECT_THAT(client.read_all(), ::testing::StartsWith("HTTP/1.1 " + status)) << request;
  }
}

TEST_F(HttpEndpointTest, AHeadResponseHasTheLengthAndNoBody) {
  const auto endpoint = start();
  RawClient client;
  client.connect_to(endpoint->port());
  client.send("HEAD /healthz HTTP/1.1\r\n\r\n");
  const std::string response = client.read_all();
  EXPECT_THAT(response, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(response, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpEndpointTest, OnEveryAddressItServesBothFamilies) {
  const auto endpoint = HttpEndpoint::start("::", 0, readiness, registry);
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_TRUE(http_get((*endpoint)->port(), "/healthz"));
}

TEST_F(HttpEndpointTest, AnyOtherPathIsNotFound) {
  const auto endpoint = start();
  const auto answer = http_get(endpoint->port(), "/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
}

TEST_F(HttpEndpointTest, APortInUseIsUnavailableAndTheErrorSaysWhy) {
  const auto endpoint = start();
  const auto second = HttpEndpoint::start("127.0.0.1", endpoint->port(), readiness, registry);
  ASSERT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(
      std::string(second.status().message()),
      HasSubstr("127.0.0.1:" + std::to_string(endpoint->port()) + ": Address already in use"));
}

TEST_F(HttpEndpointTest, AnAddressOfAnotherComputerIsUnavailable) {
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
