#include "broker/settings.h"

#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

Settings::ParseResult parse(BrokerSettings* broker, std::vector<const char*> arguments) {
  Settings settings("pubsub-broker", kPurpose);
  broker->add_to(settings);
  arguments.insert(arguments.begin(), "pubsub-broker");
  return settings.parse(static_cast<int>(arguments.size()), arguments.data(),
                        [](const std::string&) { return std::nullopt; });
}

TEST(BrokerSettingsTest, ListensOnTheEmulatorsPortByDefault) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {}), Settings::ParseResult::kRun);
  EXPECT_EQ(settings.server_options().host, "127.0.0.1");
  EXPECT_EQ(settings.server_options().port, 8085);
}

TEST(BrokerSettingsTest, PortZeroMeansAnyFreePort) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {"--listen", "[::1]:0"}), Settings::ParseResult::kRun);
  EXPECT_EQ(settings.server_options().host, "[::1]");
  EXPECT_EQ(settings.server_options().port, 0);
}

TEST(BrokerSettingsTest, HostAndPortReplaceThoseOfListen) {
  BrokerSettings both;
  EXPECT_EQ(parse(&both, {"--host=0.0.0.0", "--port=9000"}), Settings::ParseResult::kRun);
  EXPECT_EQ(both.server_options().host, "0.0.0.0");
  EXPECT_EQ(both.server_options().port, 9000);
  BrokerSettings port;
  EXPECT_EQ(parse(&port, {"--listen", "[::1]:1", "--port", "2"}), Settings::ParseResult::kRun);
  EXPECT_EQ(port.server_options().host, "[::1]");
  EXPECT_EQ(port.server_options().port, 2);
}

TEST(BrokerSettingsTest, NamesWithoutAProjectNeedOne) {
  BrokerSettings none;
  EXPECT_EQ(parse(&none, {"--create-topic", "orders"}), Settings::ParseResult::kInvalid);
  BrokerSettings half;
  EXPECT_EQ(parse(&half, {"--create-subscription", "billing:projects/p/topics/orders"}),
            Settings::ParseResult::kInvalid);
  BrokerSettings some;
  EXPECT_EQ(parse(&some, {"--project", "p", "--create-topic", "orders", "--create-subscription",
                          "billing:orders"}),
            Settings::ParseResult::kRun);
}

TEST(BrokerSettingsTest, CreatesSeveralTopics) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {"--create-topic", "projects/p/topics/one", "--create-topic",
                              "projects/p/topics/two", "--ignore-filters"}),
            Settings::ParseResult::kRun);
  EXPECT_EQ(settings.create_topics.size(), 2u);
  EXPECT_TRUE(settings.server_options().core.ignore_filters);
}

TEST(BrokerSettingsTest, ATableOfClientsNeedsTheAuthorityOfTheirCertificates) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {"--clients", "table"}), Settings::ParseResult::kInvalid);
  EXPECT_EQ(parse(&settings, {"--clients", "table", "--tls-cert", "c", "--tls-key", "k"}),
            Settings::ParseResult::kInvalid);
  BrokerSettings whole;
  EXPECT_EQ(parse(&whole, {"--clients", "table", "--tls-cert", "c", "--tls-key", "k",
                           "--tls-client-ca", "a"}),
            Settings::ParseResult::kRun);
  EXPECT_EQ(whole.server_options().clients.string(), "table");
}

TEST(BrokerSettingsTest, PushIsOffUnlessItIsEnabled) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {}), Settings::ParseResult::kRun);
  EXPECT_FALSE(settings.server_options().push.is_enabled);
  EXPECT_EQ(parse(&settings, {"--enable-push", "--push-target", "host:80", "--push-target",
                              "127.0.0.1", "--push-ca", "ca.pem"}),
            Settings::ParseResult::kRun);
  EXPECT_TRUE(settings.server_options().push.is_enabled);
  ASSERT_EQ(settings.server_options().push.targets.size(), 2u);
  EXPECT_EQ(settings.server_options().push.targets[0].port, 80);
  EXPECT_EQ(settings.server_options().push.authorities, "ca.pem");
}

TEST(BrokerSettingsTest, RefusesPushTargetsThatAreNoHostsOrThatHaveNoUse) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {"--enable-push", "--push-target", "http://host"}),
            Settings::ParseResult::kInvalid);
  BrokerSettings off;
  EXPECT_EQ(parse(&off, {"--push-target", "host"}), Settings::ParseResult::kInvalid);
  BrokerSettings off_too;
  EXPECT_EQ(parse(&off_too, {"--push-ca", "ca.pem"}), Settings::ParseResult::kInvalid);
}

TEST(BrokerSettingsTest, ThePageForDevelopersIsServedOnLoopbackAddressesWithoutTls) {
  for (const char* listen : {"127.0.0.1:0", "[::1]:8085", "localhost:8085"}) {
    BrokerSettings settings;
    EXPECT_EQ(parse(&settings, {"--ui", "--listen", listen}), Settings::ParseResult::kRun)
        << listen;
    EXPECT_TRUE(settings.server_options().has_page);
  }
  for (const char* listen : {"0.0.0.0:8085", "[::]:8085", "192.0.2.1:8085", "example.com:8085"}) {
    BrokerSettings settings;
    EXPECT_EQ(parse(&settings, {"--ui", "--listen", listen}), Settings::ParseResult::kInvalid)
        << listen;
  }
  BrokerSettings replaced;
  EXPECT_EQ(parse(&replaced, {"--ui", "--host", "0.0.0.0"}), Settings::ParseResult::kInvalid);
  BrokerSettings encrypted;
  EXPECT_EQ(parse(&encrypted, {"--ui", "--tls-cert", "c.pem", "--tls-key", "k.pem"}),
            Settings::ParseResult::kInvalid);
}

TEST(BrokerSettingsTest, ReflectionIsOffUnlessItIsEnabled) {
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {}), Settings::ParseResult::kRun);
  EXPECT_FALSE(settings.server_options().has_reflection);
  EXPECT_EQ(parse(&settings, {"--reflection"}), Settings::ParseResult::kRun);
  EXPECT_TRUE(settings.server_options().has_reflection);
}

TEST(BrokerSettingsTest, RefusesInvalidAddressesAndTopics) {
  for (const char* listen : {"8085", ":8085", "host:", "host:x", "host:65536", "host:-1"}) {
    BrokerSettings settings;
    EXPECT_EQ(parse(&settings, {"--listen", listen}), Settings::ParseResult::kInvalid) << listen;
  }
  BrokerSettings settings;
  EXPECT_EQ(parse(&settings, {"--create-topic", "topics/election"}),
            Settings::ParseResult::kInvalid);
  EXPECT_EQ(parse(&settings, {"--project", "p", "--create-subscription", "lonely"}),
            Settings::ParseResult::kInvalid);
}

TEST(BrokerSettingsTest, DataIsInAFolderUnlessItIsInMemory) {
  BrokerSettings folder;
  EXPECT_EQ(parse(&folder, {"--data-dir", "/data"}), Settings::ParseResult::kRun);
  EXPECT_EQ(folder.server_options().data_folder, "/data");
  BrokerSettings nothing;
  EXPECT_EQ(parse(&nothing, {"--data-dir", "/data", "--in-memory"}), Settings::ParseResult::kRun);
  EXPECT_TRUE(nothing.server_options().data_folder.empty());
}

TEST(BrokerSettingsTest, ACertificateNeedsItsKey) {
  BrokerSettings both;
  EXPECT_EQ(parse(&both, {"--tls-cert", "c.pem", "--tls-key", "k.pem", "--tls-client-ca", "a.pem"}),
            Settings::ParseResult::kRun);
  EXPECT_EQ(both.server_options().tls.certificate, "c.pem");
  EXPECT_EQ(both.server_options().tls.key, "k.pem");
  EXPECT_EQ(both.server_options().tls.client_ca, "a.pem");
  for (const char* alone : {"--tls-cert", "--tls-key", "--tls-client-ca"}) {
    BrokerSettings settings;
    EXPECT_EQ(parse(&settings, {alone, "a.pem"}), Settings::ParseResult::kInvalid) << alone;
  }
}

TEST(BrokerSettingsTest, TheDefaultDataFolderIsInTheUsersStateFolder) {
  const auto folder_of = [](const std::string& name, const std::string& value) {
    return BrokerSettings::default_data_folder([&](const std::string& asked) {
      return asked == name ? std::optional(value) : std::nullopt;
    });
  };
  EXPECT_EQ(folder_of("XDG_STATE_HOME", "/state"), "/state/pollbus/broker");
  EXPECT_EQ(folder_of("HOME", "/home/me"), "/home/me/.local/state/pollbus/broker");
  EXPECT_EQ(folder_of("OTHER", ""), "");
  BrokerSettings homeless;
  homeless.data_folder = "";
  EXPECT_EQ(parse(&homeless, {}), Settings::ParseResult::kInvalid);
}

}  // namespace
}  // namespace pollbus::broker
