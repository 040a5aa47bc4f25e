// The connection's settings, and TLS to a real pubsub-broker.
#include "bus/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "bus/admin.h"
#include "bus/publisher.h"
#include "support/broker_server.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> problems(const std::vector<const char*>& flags) {
  BusConfig config;
  Settings settings("test", "");
  config.add_to(settings);
  std::vector<const char*> words{"test", "--project", "p"};
  words.insert(words.end(), flags.begin(), flags.end());
  settings.parse(static_cast<int>(words.size()), words.data(),
                 [](const std::string&) { return std::nullopt; });
  return settings.problems();
}

TEST(BusConfigTest, TlsToTheBrokerNeedsItsAddressItsAuthorityAndBothFilesOfACertificate) {
  const char* const host = "--emulator-host=h:1";
  EXPECT_THAT(problems({host}), ElementsAre());
  EXPECT_THAT(problems({host, "--pubsub-ca=a"}), ElementsAre());
  EXPECT_THAT(problems({host, "--pubsub-ca=a", "--pubsub-cert=c", "--pubsub-key=k",
                        "--pubsub-server-name=n"}),
              ElementsAre());
  EXPECT_THAT(problems({"--pubsub-ca=a"}), ElementsAre(HasSubstr("PUBSUB_EMULATOR_HOST too")));
  EXPECT_THAT(problems({host, "--pubsub-ca=a", "--pubsub-cert=c"}),
              ElementsAre(HasSubstr("expected both or none")));
  EXPECT_THAT(problems({host, "--pubsub-server-name=n"}),
              ElementsAre(HasSubstr("PUBSUB_CA_FILE too")));
}

class TlsConnectionTest : public ::testing::Test {
 protected:
  TlsConnectionTest() {
    certificates.issue("publisher");
    certificates.issue("reader");
    std::ofstream(folder / "clients") << "project pollbus-test\nclient publisher\n"
                                         "  publish election f=\"1\"\n"
                                         "  subscribe some-sub election attributes.f=\"1\"\n"
                                         "client reader\n";
    broker.emplace(folder.path(), std::vector<std::string>{
                                      "--tls-cert", certificates.certificate(), "--tls-key",
                                      certificates.key(), "--tls-client-ca",
                                      certificates.authority(), "--clients", folder / "clients"});
  }
  BusConfig config_of(const std::string& client) const {
    return {.project = testing::BrokerServer::project(),
            .emulator_host = broker->host_and_port(),
            .ca_file = certificates.authority(),
            .certificate_file = certificates.certificate_of(client),
            .key_file = certificates.key_of(client)};
  }
  static absl::Status publish(const BusConfig& config) {
    const auto connection = Connection::open(config);
    if (!connection.ok()) return connection.status();
    const Message message{"data", {{"f", "1"}}};
    return make_publisher(*connection, config.topic_path("election"))->publish({&message, 1});
  }

  testing::TemporaryFolder folder;
  testing::Certificates certificates{folder.path()};
  std::optional<testing::BrokerServer> broker;
};

TEST_F(TlsConnectionTest, AClientOfTheTableMayDoWhatStandsThere) {
  const BusConfig config = config_of("publisher");
  EXPECT_EQ(publish(config), absl::OkStatus());
  Admin admin(*Connection::open(config));
  SubscriptionSpec spec{.name = config.subscription_path("some-sub"),
                        .topic = config.topic_path("election"),
                        .filter = "attributes.f=\"1\""};
  EXPECT_EQ(admin.ensure_topic(spec.topic), absl::OkStatus());
  EXPECT_EQ(admin.ensure_subscription(spec), absl::OkStatus());
  EXPECT_EQ(admin.check_subscription(spec), absl::OkStatus());
  EXPECT_EQ(*admin.ensure_label(spec.name, "some-label", "value"), "value");
  EXPECT_EQ(admin.delete_subscription(spec.name), absl::OkStatus());
  EXPECT_TRUE(absl::IsPermissionDenied(publish(config_of("reader"))));
}

TEST_F(TlsConnectionTest, TheServersNameIsChecked) {
  BusConfig config = config_of("publisher");
  config.server_name = "another";
  EXPECT_TRUE(absl::IsUnavailable(publish(config)));
}

TEST_F(TlsConnectionTest, FilesThatAreNotWhatTheyShouldBeAreNamedAtTheStart) {
  BusConfig config = config_of("publisher");
  config.key_file = certificates.key_of("reader");
  EXPECT_TRUE(absl::IsInvalidArgument(Connection::open(config).status()));
  EXPECT_THAT(std::string(Connection::open(config).status().message()), HasSubstr("reader.key"));
  config = config_of("publisher");
  config.ca_file = folder / "missing.pem";
  EXPECT_THAT(std::string(Connection::open(config).status().message()), HasSubstr("missing.pem"));
}

}  // namespace
}  // namespace pollbus
