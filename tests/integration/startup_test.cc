// Services before the first vote: environment, subscriptions, readiness.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "bus/admin.h"
#include "election/wire.h"
#include "integration/election_fixture.h"
#include "stores/migrations.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/random_hex.h"

namespace pollbus::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;
constexpr auto kEndDeadline = 30s;

class StartupTest : public ElectionTest {
 protected:
  static void create_subscription(const ElectionSystem& system, const std::string& name,
                                  const std::string& filter) {
    Admin admin(connect(system.bus()));
    EXPECT_EQ(admin.ensure_subscription({.name = system.bus().subscription_path(name),
                                         .topic = system.bus().topic_path(system.topic()),
                                         .filter = filter}),
              absl::OkStatus());
  }

  VotingService program(const std::string& name, const Environment& environment) const {
    return VotingService(name, name, environment, folder());
  }

  static void expect_refusal(VotingService& service, const std::string& subscription,
                             const std::string& found) {
    service.launch();
    EXPECT_EQ(service.wait_for_end(kEndDeadline), kExitError);
    EXPECT_THAT(service.log(), AllOf(HasSubstr(subscription), HasSubstr(found)));
  }
};

TEST_F(StartupTest, ALoggerRefusesAForeignFilterAndNamesIt) {
  ElectionSystem& system = begin({.started = false});
  create_subscription(system, "election-submit-sub", "attributes.function = \"result\"");
  expect_refusal(*system.loggers[0], "election-submit-sub", "attributes.function = \\\"result\\\"");
  EXPECT_FALSE(system.loggers[0]->is_ready());
}

TEST_F(StartupTest, ARecorderRefusesASubscriptionWithoutFilter) {
  ElectionSystem& system = begin({.started = false});
  create_subscription(system, "election-record-sub", "");
  expect_refusal(*system.recorders[0], "election-record-sub", "has the filter ''");
}

TEST_F(StartupTest, AMachineRefusesTheFilterOfAnotherMachine) {
  ElectionSystem& system = begin({.started = false});
  create_subscription(system, "election-result-1-sub", wire::result_filter(2));
  const auto machine = system.launch_machine({.machine = 1});
  EXPECT_EQ(machine->wait_for_end(kEndDeadline), kExitError);
  EXPECT_THAT(machine->log(), AllOf(HasSubstr("election-result-1-sub"),
                                    HasSubstr("attributes.machineID=\\\"2\\\"")));
}

TEST_F(StartupTest, AnExistingSubscriptionWithTheRightFilterIsUsed) {
  ElectionSystem& system = begin({.started = false});
  create_subscription(system, "election-submit-sub", wire::submit_filter());
  create_subscription(system, "election-record-sub", wire::record_filter());
  system.start_services();
  const auto machine = system.bus_machine(3);
  EXPECT_EQ(machine->cast(machine->draw(43, 4)), absl::OkStatus());
  EXPECT_TRUE(machine->wait_for_all_answers(20s));
  expect_invariants(system, machine->accounts());
}

TEST_F(StartupTest, ALoggerIsNotReadyBeforeTheRecordSubscriptionExists) {
  ElectionSystem& system = begin({.started = false});
  VotingService& logger = *system.loggers[0];
  logger.launch();
  ASSERT_TRUE(eventually(
      30s, [&] { return logger.log().find("election-record-sub") != std::string::npos; }));
  EXPECT_FALSE(logger.is_ready());
  // The process is alive meanwhile.
  const auto health = http_get(logger.http_port(), "/healthz");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  const auto machine = system.bus_machine(3);
  EXPECT_EQ(machine->cast(machine->draw(43, 4)), absl::OkStatus());
  system.recorders[0]->start();
  EXPECT_TRUE(system.wait_until_all_ready(30s));
  EXPECT_TRUE(machine->resolve_all(60s));
  expect_invariants(system, machine->accounts());
}

TEST_F(StartupTest, ServicesStartedBeforeTheirServersWaitForThem) {
  ElectionSystem& system = begin({.started = false});
  system.redis.stop();
  system.broker.stop();
  for (VotingService* service : system.services()) service->launch();
  ASSERT_TRUE(eventually(
      30s, [&] { return system.loggers[0]->log().find("next_try_ms") != std::string::npos; }));
  for (VotingService* service : system.services()) EXPECT_FALSE(service->is_ready());
  system.broker.start();
  system.redis.start();
  EXPECT_TRUE(system.wait_until_all_ready(60s));
}

TEST_F(StartupTest, AStoreThatIsUnavailableForTooLongEndsTheService) {
  ElectionSystem& system =
      begin({.environment = {{"REDIS_START_TIMEOUT_S", "2"}, {"POSTGRES_START_TIMEOUT_S", "1"}},
             .started = false});
  system.redis.stop();
  system.postgres.stop();
  for (VotingService* service : system.services()) service->launch();
  for (VotingService* service : system.services()) {
    EXPECT_EQ(service->wait_for_end(kEndDeadline), kExitError) << service->name();
    EXPECT_THAT(service->log(), HasSubstr("127.0.0.1")) << service->name();
  }
}

TEST_F(StartupTest, ALoggerReportsEveryProblemOfItsEnvironmentAtOnce) {
  const std::string key = "canary" + random_hex(3);
  VotingService logger = program("voting-logger", {{"REDIS_PORT", "99999"},
                                                   {"PUBSUB_EMULATOR_HOST", "nowhere"},
                                                   {"GCP_PROJECT", ""},
                                                   {"LOGGER_KEY", key},
                                                   {"LOG_FORMAT", "xml"},
                                                   {"REDIS_START_TIMEOUT_S", "99999999999"},
                                                   {"DEBUG", "perhaps"}});
  logger.launch();
  EXPECT_EQ(logger.wait_for_end(kEndDeadline), kExitUsage);
  EXPECT_THAT(logger.log(), AllOf(HasSubstr("REDIS_PORT"), HasSubstr("65535"), HasSubstr("86400"),
                                  HasSubstr("PUBSUB_EMULATOR_HOST"), HasSubstr("host:port"),
                                  HasSubstr("GCP_PROJECT"), HasSubstr("LOGGER_KEY"),
                                  HasSubstr("64 hexadecimal digits")));
  EXPECT_THAT(logger.log(), AllOf(HasSubstr("LOG_FORMAT"), HasSubstr("text or json"),
                                  HasSubstr("DEBUG"), Not(HasSubstr(key))));
}

TEST_F(StartupTest, ARecorderReportsEveryProblemOfItsEnvironmentAtOnce) {
  VotingService recorder =
      program("voting-recorder", {{"POSTGRES_PORT", "x"},
                                  {"POSTGRES_PASSWORD_FILE", "/nowhere/password"},
                                  {"GCP_PROJECT", ""}});
  recorder.launch();
  EXPECT_EQ(recorder.wait_for_end(kEndDeadline), kExitUsage);
  EXPECT_THAT(recorder.log(), AllOf(HasSubstr("POSTGRES_PORT"), HasSubstr("POSTGRES_PASSWORD"),
                                    HasSubstr("/nowhere/password"), HasSubstr("GCP_PROJECT")));
}

TEST_F(StartupTest, ARecorderIgnoresTheKeyOfEarlierVersionsAndSaysSo) {
  ElectionSystem& system = begin({.environment = {{"RECORDER_KEY", "canary"}}});
  EXPECT_THAT(system.recorders[0]->log(),
              AllOf(HasSubstr("RECORDER_KEY is ignored"), Not(HasSubstr("canary"))));
}

TEST_F(StartupTest, ALoggerWithAnotherKeyIsRefused) {
  ElectionSystem& system = begin();
  Environment environment = system.logger_environment();
  const std::string key = random_hex(32);
  environment["LOGGER_KEY"] = key;
  VotingService other = program("voting-logger", environment);
  other.launch();
  EXPECT_EQ(other.wait_for_end(kEndDeadline), kExitError);
  EXPECT_THAT(other.log(), AllOf(HasSubstr("another LOGGER_KEY"), Not(HasSubstr(key))));
}

TEST_F(StartupTest, ARecorderRefusesReceiptsOfAnEarlierVersion) {
  ElectionSystem& system = begin({.started = false});
  const Migration& first = embedded_migrations()[0];
  system.postgres.query(std::string(first.sql));
  system.postgres.query(
      "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum "
      "text NOT NULL)");
  system.postgres.query("INSERT INTO schema_migrations VALUES (1, '" + std::string(first.name) +
                        "', '" + first.checksum() + "')");
  system.postgres.query("INSERT INTO receipts VALUES ('x', 12)");
  VotingService& recorder = *system.recorders[0];
  recorder.launch();
  EXPECT_EQ(recorder.wait_for_end(kEndDeadline), kExitError);
  EXPECT_THAT(recorder.log(), AllOf(HasSubstr("RECORDER_KEY"), HasSubstr("POSTGRES_DB")));
}

TEST_F(StartupTest, AMachineReportsEveryProblemOfItsFlagsAtOnce) {
  VotingService machine(
      "voting-machine", "voting-machine", {{"GCP_PROJECT", ""}}, folder(),
      {"--election", "-1", "--machine", "x", "--rate", "fast", "--in-flight", "0", "--wrong", "1"});
  machine.launch();
  EXPECT_EQ(machine.wait_for_end(kEndDeadline), kExitUsage);
  EXPECT_THAT(machine.log(),
              AllOf(HasSubstr("election"), HasSubstr("machine"), HasSubstr("rate"),
                    HasSubstr("in-flight"), HasSubstr("wrong"), HasSubstr("GCP_PROJECT")));
}

}  // namespace
}  // namespace pollbus::testing
