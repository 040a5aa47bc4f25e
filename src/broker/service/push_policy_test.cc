#include "broker/service/push_policy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace pollbus::broker {
namespace {

PushEndpoint endpoint(const std::string& url) {
  auto parsed = parse_push_endpoint(url);
  EXPECT_TRUE(parsed.ok()) << url;
  return parsed.ok() ? *parsed : PushEndpoint{};
}

PushPolicy policy(std::initializer_list<const char*> targets) {
  PushPolicy policy{.is_enabled = true};
  for (const char* target : targets) policy.targets.push_back(*PushTarget::parse(target));
  return policy;
}

bool allows(const PushPolicy& policy, const char* address) {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const PushEndpoint named = endpoint("http://name.example/");
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    return policy.allows_address(named, reinterpret_cast<const sockaddr&>(v4));
  }
  EXPECT_EQ(inet_pton(AF_INET6, address, &v6.sin6_addr), 1) << address;
  v6.sin6_family = AF_INET6;
  return policy.allows_address(named, reinterpret_cast<const sockaddr&>(v6));
}

TEST(PushPolicyTest, WithoutEnablePushEveryEndpointIsRefusedAndTheErrorNamesTheFlag) {
  const absl::Status status = PushPolicy{}.check(endpoint("https://host.example/"));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("--enable-push"), std::string::npos);
}

TEST(PushPolicyTest, WithoutTargetsLoopbackAndLinkLocalHostsAreRefused) {
  const PushPolicy anywhere = policy({});
  EXPECT_TRUE(anywhere.check(endpoint("https://host.example/")).ok());
  EXPECT_TRUE(anywhere.check(endpoint("http://10.1.2.3:80/")).ok());
  for (const char* url :
       {"http://localhost/", "http://LOCALHOST:80/", "http://a.localhost/", "http://127.0.0.1/",
        "http://127.9.9.9/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/",
        "http://169.254.169.254/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/",
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://224.0.0.1/"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(anywhere.check(endpoint(url)))) << url;
  }
}

TEST(PushPolicyTest, WithoutTargetsResolvedAddressesAreCheckedToo) {
  const PushPolicy anywhere = policy({});
  for (const char* address : {"10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"}) {
    EXPECT_TRUE(allows(anywhere, address)) << address;
  }
  for (const char* address : {"127.0.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255", "::1",
                              "::", "fe80::1", "ff02::1", "::ffff:169.254.169.254"}) {
    EXPECT_FALSE(allows(anywhere, address)) << address;
  }
}

TEST(PushPolicyTest, WithTargetsOnlyTheseHostsAreAllowedWhateverTheirAddress) {
  const PushPolicy some = policy({"127.0.0.1:8080", "Name.Example", "[::1]:90"});
  EXPECT_TRUE(some.check(endpoint("http://127.0.0.1:8080/a")).ok());
  EXPECT_TRUE(some.check(endpoint("http://name.example:1/")).ok());
  EXPECT_TRUE(some.check(endpoint("http://[::1]:90/")).ok());
  EXPECT_TRUE(allows(some, "127.0.0.1"));
  for (const char* url : {"http://127.0.0.1:8081/", "http://other.example/", "http://[::1]/"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(some.check(endpoint(url)))) << url;
  }
}

TEST(PushPolicyTest, ATargetIsAHostWithOrWithoutAPort) {
  for (const char* text : {"", ":80", "host:", "host:0", "host:65536", "host:a", "http://host",
                           "host/path", "[::1", "[::1]80", "a b"}) {
    EXPECT_FALSE(PushTarget::parse(text).has_value()) << text;
  }
  EXPECT_EQ(PushTarget::parse("::1")->host, "::1");
  EXPECT_EQ(PushTarget::parse("host:80")->port, 80);
}

}  // namespace
}  // namespace pollbus::broker
