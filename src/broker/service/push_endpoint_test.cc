#include "broker/service/push_endpoint.h"

#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

TEST(PushEndpointTest, AUrlIsSplitIntoItsParts) {
  struct Case {
    const char* url;
    const char* used;
    const char* host;
    int port;
  };
  for (const auto& [url, used, host, port] :
       {Case{"http://host:8080/a?b#c", "http://host:8080/a?b", "host", 8080},
        Case{"https://Host.Example", "https://Host.Example/", "host.example", 443},
        Case{"http://host?q=1", "http://host/?q=1", "host", 80},
        Case{"http://[::1]:81/p", "http://[::1]:81/p", "::1", 81},
        Case{"HTTP://127.0.0.1:65535", "http://127.0.0.1:65535/", "127.0.0.1", 65'535}}) {
    const auto endpoint = parse_push_endpoint(url);
    ASSERT_TRUE(endpoint.ok()) << url << ": " << endpoint.status();
    EXPECT_EQ(endpoint->url, used);
    EXPECT_EQ(endpoint->host, host) << url;
    EXPECT_EQ(endpoint->port, port) << url;
  }
}

TEST(PushEndpointTest, AnythingButAUrlWithinTheLimitsIsInvalid) {
  const std::string long_host = "http://" + std::string(200'000, 'a');
  const std::string longest_host = "http://" + std::string(kMaxPushHostBytes, 'a') + "/";
  const std::string long_path = "http://host/" + std::string(kMaxPushUrlBytes, 'a');
  EXPECT_TRUE(parse_push_endpoint(longest_host).ok());
  for (const std::string& url : {std::string("http://h:99999999999"),
                                 std::string("http://h:0"),
                                 std::string("http://h:65536/"),
                                 std::string("http://h:-1"),
                                 std::string("http://h:8a/"),
                                 std::string("http://h:1:2/"),
                                 long_host,
                                 longest_host.substr(0, 8) + longest_host.substr(7),
                                 long_path,
                                 std::string("ftp://host/"),
                                 std::string("host"),
                                 std::string("http://"),
                                 std::string("https:///path"),
                                 std::string("http://a b/"),
                                 std::string("http://user@host/"),
                                 std::string("http://user:password@host/"),
                                 std::string("http://[::1/"),
                                 std::string("http://[nonsense]/"),
                                 std::string("http://h\xc3\xb6st/"),
                                 std::string("http://host/\r\nHost: other"),
                                 std::string("http://ho\0st/", 13),
                                 std::string("file:///etc/passwd"),
                                 std::string("//host/"),
                                 std::string("http:/host")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(parse_push_endpoint(url).status())) << url.substr(0, 99);
  }
}

TEST(PushEndpointTest, AnErrorShowsOnlyTheStartOfALongUrl) {
  const auto status = parse_push_endpoint("http://" + std::string(200'000, 'a')).status();
  EXPECT_LT(status.message().size(), 500u);
}

}  // namespace
}  // namespace pollbus::broker
