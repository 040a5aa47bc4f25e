#include "base/health_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/http_endpoint.h"
#include "base/service.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;

class HealthCheckTest : public ::testing::Test {
 protected:
  void start(const std::string& host) {
    auto started = HttpEndpoint::start(host, 0, readiness, registry);
    ASSERT_TRUE(started.ok()) << started.status();
    endpoint = std::move(started).value();
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  std::unique_ptr<HttpEndpoint> endpoint;
};

TEST_F(HealthCheckTest, AReadyProcessIsHealthy) {
  start("127.0.0.1");
  readiness.ready("bus");
  EXPECT_TRUE(check_health("127.0.0.1", endpoint->port()).ok());
}

TEST_F(HealthCheckTest, AProcessThatListensOnEveryAddressIsAskedOnLoopback) {
  start("0.0.0.0");
  readiness.ready("bus");
  EXPECT_TRUE(check_health("0.0.0.0", endpoint->port()).ok());
}

TEST_F(HealthCheckTest, AProcessThatIsNotReadySaysWhatIsMissing) {
  start("127.0.0.1");
  readiness.expect("redis");
  const absl::Status status = check_health("127.0.0.1", endpoint->port());
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"redis\""));
}

TEST_F(HealthCheckTest, AnEndpointThatIsGoneIsNotHealthy) {
  start("127.0.0.1");
  const int port = endpoint->port();
  endpoint.reset();
  EXPECT_TRUE(absl::IsUnavailable(check_health("127.0.0.1", port)));
}

TEST_F(HealthCheckTest, TheFlagAsksTheConfiguredEndpointAndAnswersByTheExitCode) {
  start("127.0.0.1");
  ServiceSettings settings{.http_port = endpoint->port()};
  EXPECT_EQ(health_check_exit_code(settings), std::nullopt);
  settings.check_health = true;
  readiness.expect("bus");
  EXPECT_EQ(health_check_exit_code(settings), 1);
  readiness.ready("bus");
  EXPECT_EQ(health_check_exit_code(settings), 0);
}

TEST_F(HealthCheckTest, TheFlagNeedsThePortOfTheRunningProcess) {
  ServiceSettings service;
  Settings settings("program", "purpose");
  service.add_to(settings);
  const auto empty = [](const std::string&) { return std::optional<std::string>(); };
  const std::array<const char*, 2> words{"program", "--check-health"};
  ASSERT_EQ(settings.parse(static_cast<int>(words.size()), words.data(), empty),
            Settings::ParseResult::kRun);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(health_check_exit_code(service), 2);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("HTTP_PORT"));
}

}  // namespace
}  // namespace pollbus
