#include "web/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace pollbus::web {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

HttpRequest get(std::string_view path) { return {.method = "GET", .path = path}; }

TEST(PagesTest, TheSharedStyleSheetIsServedWithItsTypeAndHeaders) {
  const Pages pages({shared_pages()}, Caching::kRevalidate);
  const auto response = pages.find(get("/style.css"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->content_type, "text/css; charset=utf-8");
  EXPECT_THAT(response->body, HasSubstr("data-theme"));
  EXPECT_THAT(response->headers, Contains(Key("ETag")));
  EXPECT_THAT(response->headers, Contains(Key("Content-Security-Policy")));
}

TEST(PagesTest, WithoutCachingThereIsNoEtag) {
  const Pages pages({shared_pages()}, Caching::kNothing);
  EXPECT_THAT(pages.find(get("/style.css"))->headers, Not(Contains(Key("ETag"))));
}

TEST(PagesTest, TheRootIsTheIndexPageAndOtherPathsAreNotFound) {
  constexpr std::array<Asset, 1> kFiles{{{"/index.html", "\"1\"", "<!doctype html>"}}};
  const Pages pages({kFiles}, Caching::kNothing);
  EXPECT_TRUE(pages.find(get("/")));
  for (const char* path : {"", "/index", "//index.html", "/../index.html", "/%69ndex.html"})
    EXPECT_FALSE(pages.find(get(path))) << path;
}

TEST(PagesTest, TextInHtmlCannotBecomeMarkup) {
  EXPECT_EQ(escape_html(R"(<b a="x" b='y'>&amp;)"),
            "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
}

}  // namespace
}  // namespace pollbus::web
