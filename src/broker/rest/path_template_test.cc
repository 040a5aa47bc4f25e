#include "broker/rest/path_template.h"

#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

// "field=value;field=value" for what matches; "no" otherwise.
std::string match(std::string_view pattern, std::string_view path) {
  const auto parsed = PathTemplate::parse(pattern);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto bindings = parsed->match(path);
  if (!bindings) return "no";
  std::string text;
  for (const auto& [field, value] : *bindings) {
    text += (text.empty() ? "" : ";") + field + "=" + value;
  }
  return text;
}

TEST(PathTemplateTest, AVariableTakesTheSegmentsOfItsPattern) {
  constexpr char kTopic[] = "/v1/{topic.name=projects/*/topics/*}";
  EXPECT_EQ(match(kTopic, "/v1/projects/p/topics/t"), "topic.name=projects/p/topics/t");
  for (const char* other :
       {"/v1/projects/p/topics", "/v1/projects/p/topics/t/u", "/v1/projects//topics/t",
        "/v2/projects/p/topics/t", "v1/projects/p/topics/t", "", "/",
        "/v1/projects/p/topics/t:publish", "/v1/projects/p/subscriptions/t"}) {
    EXPECT_EQ(match(kTopic, other), "no") << other;
  }
  EXPECT_EQ(match("/a/{x}/{y=b/*}", "/a/1/b/2"), "x=1;y=b/2");
  EXPECT_EQ(match("/v1/{project=projects/*}/topics", "/v1/projects/example.com:p/topics"),
            "project=projects/example.com:p");
}

TEST(PathTemplateTest, AVerbFollowsTheLastColon) {
  constexpr char kPublish[] = "/v1/{topic=projects/*/topics/*}:publish";
  EXPECT_EQ(match(kPublish, "/v1/projects/p/topics/t:publish"), "topic=projects/p/topics/t");
  EXPECT_EQ(match(kPublish, "/v1/projects/p/topics/t:Publish"), "no");
  EXPECT_EQ(match(kPublish, "/v1/projects/p/topics/t"), "no");
  EXPECT_EQ(match("/v1/{parent=projects/*}/schemas:validate", "/v1/projects/p/schemas:validate"),
            "parent=projects/p");
}

TEST(PathTemplateTest, TwoStarsTakeAnyNumberOfSegments) {
  constexpr char kAny[] = "/v1/{resource=**}:getIamPolicy";
  EXPECT_EQ(match(kAny, "/v1/projects/p/topics/t:getIamPolicy"), "resource=projects/p/topics/t");
  EXPECT_EQ(match(kAny, "/v1/x:getIamPolicy"), "resource=x");
  EXPECT_EQ(match("/a/{x=**}/b", "/a/1/2/b"), "x=1/2");
  EXPECT_EQ(match("/a/{x=**}/b", "/a/1/2/c"), "no");
}

TEST(PathTemplateTest, ValuesAreDecodedButAnEncodedSlashSeparatesNothing) {
  constexpr char kTopic[] = "/v1/{topic=projects/*/topics/*}";
  EXPECT_EQ(match(kTopic, "/v1/projects/p/topics/a%2Bb%7e"), "topic=projects/p/topics/a+b~");
  EXPECT_EQ(match(kTopic, "/v1/projects/p/topics/a%2Fb"), "topic=projects/p/topics/a%2Fb");
  EXPECT_EQ(match("/{x}", "/a%2fb"), "x=a/b");
  for (const char* wrong : {"%", "%1", "%g0", "%+1", "%%"}) {
    EXPECT_EQ(match("/{x}", std::string("/") + wrong), "no") << wrong;
  }
}

TEST(PathTemplateTest, OtherTextIsNoTemplate) {
  for (const char* wrong :
       {"", "v1", "/{", "/{}", "/{a=}", "/{a", "/a//b", "/{a=**}/{b=**}", "/a}b"}) {
    EXPECT_FALSE(PathTemplate::parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace pollbus::broker
