#include "broker/core/names.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/core/ack_id.h"

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

TEST(NamesTest, AProjectNameHasNothingBehindTheProject) {
  EXPECT_TRUE(check_project_name("projects/p").ok());
  EXPECT_FALSE(check_project_name("projects/").ok());
  EXPECT_FALSE(check_project_name("projects/p/topics").ok());
  EXPECT_FALSE(check_project_name("p").ok());
}

TEST(AckIdTest, SurvivesItsText) {
  AckId::Text text;
  for (const AckId id : {AckId{1, 1, 1}, AckId{0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF}}) {
    EXPECT_EQ(AckId::parse(id.format(text)), id);
  }
}

TEST(AckIdTest, WhatIsNoAckIdIsNotParsed) {
  for (const char* text :
       {"", "-", "--", "1", "1-2", "1-2-", "1-2-3-", "1-2-3x", "x-2-3", "1--3", "4294967296-1-1",
        "1-18446744073709551616-1", "-1-2-3", "+1-2-3", " 1-2-3"}) {
    EXPECT_FALSE(AckId::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace pollbus::broker
