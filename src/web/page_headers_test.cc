#include "web/page_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::web {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

HttpRequest asking_for(std::string_view etags) {
  return {.method = "GET", .path = "/", .headers = {{"if-none-match", etags}}};
}

TEST(PageHeadersTest, APageMayLoadNothingButFilesOfItsOwnServer) {
  HttpResponse response;
  add_page_headers(response, Caching::kNothing);
  EXPECT_THAT(response.headers,
              Contains(Pair("Content-Security-Policy", HasSubstr("default-src 'none'"))));
  EXPECT_THAT(response.headers, Contains(Pair("X-Content-Type-Options", "nosniff")));
  EXPECT_THAT(response.headers, Contains(Pair("Cache-Control", "no-store")));
}

TEST(PageHeadersTest, AVersionThatTheBrowserHasIsNotSentAgain) {
  for (const char* etags : {"\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"}) {
    HttpResponse response{.body = "text"};
    add_etag(asking_for(etags), response, "\"a\"");
    EXPECT_EQ(response.status, 304) << etags;
    EXPECT_EQ(response.body, "");
  }
}

TEST(PageHeadersTest, AnotherVersionIsSent) {
  for (const char* etags : {"", "\"b\"", "\"aa\"", "a", ",,"}) {
    HttpResponse response{.body = "text"};
    add_etag(asking_for(etags), response, "\"a\"");
    EXPECT_EQ(response.status, 200) << etags;
    EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"a\"")));
  }
}

TEST(PageHeadersTest, AnErrorIsNeverNotModified) {
  HttpResponse response{.status = 503};
  add_etag(asking_for("*"), response, "\"a\"");
  EXPECT_EQ(response.status, 503);
}

TEST(PageHeaders, OneInlineScriptCanBeAllowedByItsHash) {
  HttpResponse response;
  add_page_headers(response, Caching::kNothing);
  allow_inline_script(response, "sha256-abc=");
  EXPECT_EQ(response.headers[0].first, "Content-Security-Policy");
  EXPECT_NE(response.headers[0].second.find("; script-src 'self' 'sha256-abc='; style-src 'self';"),
            std::string::npos);
}

}  // namespace
}  // namespace pollbus::web
