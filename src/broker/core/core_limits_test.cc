// The bounds on what clients can create.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/core_fixture.h"

namespace pollbus::broker {
namespace {

using testing::HasSubstr;

class CoreLimitsTest : public CoreTest {
 protected:
  static SubscriptionConfig numbered(int number, const std::string& filter = "") {
    return config("projects/p/subscriptions/limit-" + std::to_string(number), filter);
  }
  void make_topic(Core& in) { ASSERT_TRUE(in.create_topic(kTopic, "").ok()); }
};

TEST_F(CoreLimitsTest, ThereIsALimitOnTopicsAndADeletionMakesRoom) {
  Core small({.max_topics = 2}, &observer);
  make_topic(small);
  ASSERT_TRUE(small.create_topic("projects/p/topics/second", "").ok());
  const absl::Status refused = small.create_topic("projects/p/topics/third", "");
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the limit is 2"));
  EXPECT_TRUE(absl::IsAlreadyExists(small.create_topic(kTopic, "")));
  ASSERT_TRUE(small.delete_topic("projects/p/topics/second").ok());
  EXPECT_TRUE(small.create_topic("projects/p/topics/third", "").ok());
}

TEST_F(CoreLimitsTest, ThereIsALimitOnSubscriptions) {
  Core small({.max_subscriptions = 2}, &observer);
  make_topic(small);
  ASSERT_TRUE(small.create_subscription(numbered(1)).ok());
  ASSERT_TRUE(small.create_subscription(numbered(2)).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(small.create_subscription(numbered(3))));
  ASSERT_TRUE(small.delete_subscription(numbered(1).name).ok());
  EXPECT_TRUE(small.create_subscription(numbered(3)).ok());
}

TEST_F(CoreLimitsTest, ThereIsALimitOnSnapshots) {
  Core small({.max_snapshots = 1}, &observer);
  make_topic(small);
  ASSERT_TRUE(small.create_subscription(numbered(1)).ok());
  const auto snapshot = [&](const std::string& id) {
    return small.retention().create_snapshot("projects/p/snapshots/" + id, numbered(1).name, "", 0);
  };
  ASSERT_TRUE(snapshot("one").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(snapshot("two")));
  ASSERT_TRUE(small.retention().delete_snapshot("projects/p/snapshots/one").ok());
  EXPECT_TRUE(snapshot("two").ok());
}

TEST_F(CoreLimitsTest, ThereIsALimitOnFiltersThatEveryPublishEvaluates) {
  Core small({.max_scanned_conjunctions = 3}, &observer);
  make_topic(small);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        small.create_subscription(numbered(i, "NOT attributes:a" + std::to_string(i))).ok());
  }
  const absl::Status refused = small.create_subscription(numbered(3, "attributes:b"));
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(absl::IsResourceExhausted(
      small.retention().create_snapshot("projects/p/snapshots/one", numbered(0).name, "", 0)));
  for (int i = 4; i < 20; ++i) {
    ASSERT_TRUE(small.create_subscription(numbered(i)).ok());
    ASSERT_TRUE(
        small
            .create_subscription(numbered(
                100 + i, "attributes.a = \"b\" AND attributes.c = \"" + std::to_string(i) + "\""))
            .ok());
  }
  ASSERT_TRUE(small.delete_subscription(numbered(0).name).ok());
  EXPECT_TRUE(small.create_subscription(numbered(3, "attributes:b")).ok());
}

TEST_F(CoreLimitsTest, ThereIsALimitOnFiltersThatShareTheirOnlyAnchor) {
  Core small({.max_scanned_conjunctions = 3}, &observer);
  make_topic(small);
  const auto filter = [](int number) {
    return "attributes.a = \"b\" AND NOT attributes:c" + std::to_string(number);
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(small.create_subscription(numbered(i, filter(i))).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(small.create_subscription(numbered(3, filter(3)))));
  EXPECT_TRUE(small.create_subscription(numbered(4, "attributes.a = \"b\"")).ok());
}

TEST_F(CoreLimitsTest, ThereIsALimitOnTheSizeOfAResource) {
  const std::string most(kMaxResourceBytes, 'x');
  const std::string too_much = most + 'x';
  EXPECT_TRUE(core.update_topic(kTopic, most).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(core.update_topic(kTopic, too_much)));
  EXPECT_TRUE(absl::IsInvalidArgument(core.create_topic("projects/p/topics/new", too_much)));
  SubscriptionConfig large = numbered(1);
  large.resource = too_much;
  EXPECT_TRUE(absl::IsInvalidArgument(core.create_subscription(large)));
  large.name = kAll;
  EXPECT_TRUE(absl::IsInvalidArgument(core.update_subscription(large)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      core.retention().create_snapshot("projects/p/snapshots/one", kAll, too_much, 0)));
}

TEST_F(CoreLimitsTest, WithIgnoredFiltersTheirLimitDoesNotApply) {
  Core small({.ignore_filters = true, .max_scanned_conjunctions = 0}, &observer);
  make_topic(small);
  EXPECT_TRUE(small.create_subscription(numbered(1, "NOT attributes:a")).ok());
}

}  // namespace
}  // namespace pollbus::broker
