#include "broker/core/names.h"

#include <gtest/gtest.h>

#include <string>

namespace pollbus::broker {
namespace {

TEST(NamesTest, ATopicNameFollowsTheRulesOfTheService) {
  const auto id = [](std::size_t characters) {
    return "projects/p/topics/" + std::string(characters, 'a');
  };
  for (const std::string& name :
       {std::string("projects/p/topics/election"), std::string("projects/a:b.c/topics/A-b_c.~+%9"),
        id(3), id(255)}) {
    EXPECT_TRUE(check_topic_name(name).ok()) << name;
  }
  for (const std::string& name :
       {id(2), id(256), std::string("projects/p/topics/1bc"), std::string("projects/p/topics/-bc"),
        std::string("projects/p/topics/googly"), std::string("projects/p/topics/a b"),
        std::string("projects/p/topics/aé1"), std::string("projects/p/topics/ab/c"),
        std::string("projects/p/topics/"), std::string("projects/p/topics"),
        std::string("projects//topics/abc"), std::string("projects/p/subscriptions/abc"),
        std::string("abc"), std::string(""), std::string("_deleted-topic_")}) {
    const absl::Status status = check_topic_name(name);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    EXPECT_NE(std::string(status.message()).find("(name=" + name + ")"), std::string::npos);
  }
}

TEST(NamesTest, ASubscriptionNameHasItsOwnCollection) {
  EXPECT_TRUE(check_subscription_name("projects/p/subscriptions/election-result-3-sub").ok());
  EXPECT_FALSE(check_subscription_name("projects/p/topics/election").ok());
}

TEST(NamesTest, AProjectNameEndsWithTheProjectId) {
  EXPECT_TRUE(check_project_name("projects/p").ok());
  EXPECT_FALSE(check_project_name("projects/").ok());
  EXPECT_FALSE(check_project_name("projects/p/topics").ok());
  EXPECT_FALSE(check_project_name("p").ok());
}

TEST(NamesTest, AProjectIdHasAllowedCharactersAndALimitedLength) {
  EXPECT_TRUE(check_topic_name("projects/example.com:my-project_1/topics/abc").ok());
  EXPECT_TRUE(check_project_name("projects/" + std::string(255, 'p')).ok());
  for (const std::string& project :
       {std::string(256, 'p'), std::string("a b"), std::string("a\n"), std::string("\xc3\xa9")}) {
    EXPECT_FALSE(check_project_name("projects/" + project).ok()) << project;
    EXPECT_FALSE(check_topic_name("projects/" + project + "/topics/abc").ok()) << project;
  }
}

TEST(NamesTest, AnErrorShowsOnlyTheBeginningOfALongName) {
  const absl::Status status = check_topic_name(std::string(100'000, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_LT(status.message().size(), 1'000u);
}

}  // namespace
}  // namespace pollbus::broker
