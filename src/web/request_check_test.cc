#include "web/request_check.h"

#include <gtest/gtest.h>

namespace pollbus::web {
namespace {

using Headers = std::vector<std::pair<std::string, std::string_view>>;

const RequestCheck kCheck(loopback_hosts(8090));

int refusal(std::string_view method, Headers headers) {
  return kCheck.refusal({.method = method, .path = "/", .headers = std::move(headers)});
}

Headers post(std::string_view origin, std::string_view type = "application/json") {
  return {{"host", "localhost:8090"}, {"origin", origin}, {"content-type", type}};
}

TEST(RequestCheckTest, APageOfThisServerMayDoEverything) {
  EXPECT_EQ(refusal("GET", {{"host", "127.0.0.1:8090"}}), 0);
  EXPECT_EQ(refusal("GET", {{"host", "[::1]:8090"}, {"sec-fetch-site", "same-origin"}}), 0);
  EXPECT_EQ(refusal("POST", post("http://localhost:8090")), 0);
  EXPECT_EQ(refusal("POST", post("http://localhost:8090", "application/json; charset=utf-8")), 0);
}

TEST(RequestCheckTest, ANameThatAnotherSitePointsToThisMachineIsRefused) {
  EXPECT_EQ(refusal("GET", {{"host", "evil.example:8090"}}), 421);
  EXPECT_EQ(refusal("GET", {{"host", "127.0.0.1"}}), 421);
  EXPECT_EQ(refusal("GET", {}), 421);
  EXPECT_EQ(refusal("GET", {{"host", "127.0.0.1:8090"}, {"host", "evil.example"}}), 421);
}

TEST(RequestCheckTest, AnotherSitesPageMayNotPost) {
  EXPECT_EQ(refusal("POST", post("http://evil.example")), 403);
  EXPECT_EQ(refusal("POST", post("null")), 403);
  EXPECT_EQ(refusal("POST", post("http://127.0.0.1:8090")), 403);
  EXPECT_EQ(refusal("POST", {{"host", "localhost:8090"}}), 403);
  Headers headers = post("http://localhost:8090");
  headers.emplace_back("sec-fetch-site", "cross-site");
  EXPECT_EQ(refusal("POST", headers), 403);
}

TEST(RequestCheckTest, AnotherSitesPageMayLinkHereButNotFetch) {
  const Headers link{
      {"host", "localhost:8090"}, {"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}};
  EXPECT_EQ(refusal("GET", link), 0);
  const Headers fetch{
      {"host", "localhost:8090"}, {"sec-fetch-site", "same-site"}, {"sec-fetch-mode", "no-cors"}};
  EXPECT_EQ(refusal("GET", fetch), 403);
}

TEST(RequestCheckTest, OnlyJsonIsPosted) {
  EXPECT_EQ(refusal("POST", post("http://localhost:8090", "text/plain")), 415);
  EXPECT_EQ(refusal("POST", post("http://localhost:8090", "application/jsonx")), 415);
}

TEST(RequestCheckTest, WithoutNamesEveryHostIsServed) {
  EXPECT_EQ(RequestCheck({}).refusal({.method = "GET", .headers = {{"host", "votes.city"}}}), 0);
}

}  // namespace
}  // namespace pollbus::web
