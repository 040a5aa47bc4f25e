#include "bus/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/fake_bus.h"
#include "support/broker_server.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kFilter[] = "attributes.function=\"result\"";

// Uses a real broker.
class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    config.project = testing::BrokerServer::project();
    config.emulator_host = broker.host_and_port();
    auto opened = Connection::open(config);
    EXPECT_TRUE(opened.ok()) << opened.status();
    admin.emplace(*opened);
  }
  SubscriptionSpec spec() const {
    return {.name = config.subscription_path("some-sub"),
            .topic = config.topic_path("election"),
            .filter = kFilter};
  }

  testing::TemporaryFolder folder;
  testing::BrokerServer broker{folder.path()};
  BusConfig config;
  std::optional<Admin> admin;
};

TEST_F(AdminTest, EnsuresAMissingAndAnExistingTopic) {
  const std::string topic = config.topic_path("other");
  SubscriptionSpec of_it = spec();
  of_it.topic = topic;
  EXPECT_TRUE(absl::IsNotFound(admin->ensure_subscription(of_it)));
  EXPECT_TRUE(admin->ensure_topic(topic).ok());
  EXPECT_TRUE(admin->ensure_topic(topic).ok());
  EXPECT_TRUE(admin->ensure_subscription(of_it).ok());
}

TEST_F(AdminTest, EnsuresAMissingAndAnExistingSubscription) {
  EXPECT_EQ(*admin->subscription_exists(spec().name), false);
  EXPECT_TRUE(admin->ensure_subscription(spec()).ok());
  EXPECT_EQ(*admin->subscription_exists(spec().name), true);
  EXPECT_TRUE(admin->ensure_subscription(spec()).ok());
}

TEST_F(AdminTest, ALabelSetAtCreationIsKeptUntilTheSubscriptionIsDeleted) {
  SubscriptionSpec labelled = spec();
  labelled.labels["identity"] = "first";
  ASSERT_TRUE(admin->ensure_subscription(labelled).ok());
  labelled.labels["identity"] = "second";
  ASSERT_TRUE(admin->ensure_subscription(labelled).ok());
  EXPECT_EQ(*admin->ensure_label(labelled.name, "identity", "third"), "first");
  ASSERT_TRUE(admin->delete_subscription(labelled.name).ok());
  ASSERT_TRUE(admin->ensure_subscription(labelled).ok());
  EXPECT_EQ(*admin->ensure_label(labelled.name, "identity", "third"), "second");
}

TEST_F(AdminTest, ASubscriptionWithoutTheLabelGetsIt) {
  ASSERT_TRUE(admin->ensure_subscription(spec()).ok());
  EXPECT_EQ(*admin->ensure_label(spec().name, "identity", "first"), "first");
  EXPECT_EQ(*admin->ensure_label(spec().name, "identity", "second"), "first");
  EXPECT_EQ(*admin->ensure_label(spec().name, "other", "third"), "third");
}

TEST_F(AdminTest, RefusesASubscriptionWithAnotherFilterAndNamesBoth) {
  ASSERT_TRUE(admin->ensure_subscription(spec()).ok());
  SubscriptionSpec other = spec();
  other.filter = "attributes.function=\"record vote\"";
  const auto status = admin->ensure_subscription(other);
  ASSERT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(spec().name), HasSubstr(kFilter), HasSubstr(other.filter)));
}

TEST_F(AdminTest, RefusesASubscriptionOfAnotherTopicAndNamesBoth) {
  ASSERT_TRUE(admin->ensure_subscription(spec()).ok());
  SubscriptionSpec other = spec();
  other.topic = config.topic_path("other");
  ASSERT_TRUE(admin->ensure_topic(other.topic).ok());
  const auto status = admin->ensure_subscription(other);
  ASSERT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(spec().name), HasSubstr(spec().topic), HasSubstr(other.topic)));
}

TEST_F(AdminTest, AnInvalidFilterIsAnErrorThatNamesTheSubscription) {
  SubscriptionSpec wrong = spec();
  wrong.filter = "function = result";
  const auto status = admin->ensure_subscription(wrong);
  ASSERT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(spec().name));
}

TEST_F(AdminTest, DeletesASubscriptionAlsoIfItDoesNotExist) {
  ASSERT_TRUE(admin->ensure_subscription(spec()).ok());
  EXPECT_TRUE(admin->delete_subscription(spec().name).ok());
  EXPECT_EQ(*admin->subscription_exists(spec().name), false);
  EXPECT_TRUE(admin->delete_subscription(spec().name).ok());
}

TEST_F(AdminTest, WithoutAServerEachCallIsUnavailableAndSaysWhatItTried) {
  broker.stop();
  const auto topic = admin->ensure_topic(config.topic_path("other"));
  EXPECT_TRUE(absl::IsUnavailable(topic));
  EXPECT_THAT(std::string(topic.message()), HasSubstr("topics/other"));
  const auto ensured = admin->ensure_subscription(spec());
  EXPECT_TRUE(absl::IsUnavailable(ensured));
  EXPECT_THAT(std::string(ensured.message()), HasSubstr(spec().name));
  EXPECT_TRUE(absl::IsUnavailable(admin->subscription_exists(spec().name).status()));
  EXPECT_TRUE(absl::IsUnavailable(admin->delete_subscription(spec().name)));
}

class AdminTroubleTest : public ::testing::Test {
 protected:
  static grpc::Status not_found() { return {grpc::StatusCode::NOT_FOUND, "none"}; }
  static grpc::Status denied() { return {grpc::StatusCode::PERMISSION_DENIED, "not for you"}; }

  FakeBus bus;
  Admin admin{bus.connect()};
  const SubscriptionSpec spec{.name = "projects/p/subscriptions/s",
                              .topic = "projects/p/topics/t",
                              .filter = kFilter,
                              .ack_deadline = std::chrono::seconds(12)};
};

TEST_F(AdminTroubleTest, CreatesASubscriptionThatNeverExpires) {
  bus.on_get_subscription = [](auto*) { return not_found(); };
  bus.on_create_subscription = [this](const pubsub::Subscription& request) {
    EXPECT_EQ(request.name(), spec.name);
    EXPECT_EQ(request.topic(), spec.topic);
    EXPECT_EQ(request.filter(), kFilter);
    EXPECT_EQ(request.ack_deadline_seconds(), 12);
    EXPECT_TRUE(request.has_expiration_policy());
    EXPECT_FALSE(request.expiration_policy().has_ttl());
    return grpc::Status::OK;
  };
  EXPECT_TRUE(admin.ensure_subscription(spec).ok());
}

TEST_F(AdminTroubleTest, WithoutPermissionTheSubscriptionIsUsedAsItIs) {
  bus.on_get_subscription = [](auto*) { return denied(); };
  EXPECT_TRUE(admin.ensure_subscription(spec).ok());
  bus.on_get_subscription = [](auto*) { return not_found(); };
  bus.on_create_subscription = [](const auto&) { return denied(); };
  EXPECT_TRUE(admin.ensure_subscription(spec).ok());
}

TEST_F(AdminTroubleTest, ALabelThatMayNotBeReadOrSetIsEmpty) {
  bus.on_get_subscription = [](auto*) { return denied(); };
  EXPECT_EQ(*admin.ensure_label(spec.name, "identity", "first"), "");
  bus.on_get_subscription = [](auto*) { return grpc::Status::OK; };
  EXPECT_EQ(*admin.ensure_label(spec.name, "identity", "first"), "")
      << "this server cannot update subscriptions";
  bus.on_get_subscription = [](auto*) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  };
  EXPECT_TRUE(absl::IsUnavailable(admin.ensure_label(spec.name, "identity", "first").status()));
}

TEST_F(AdminTroubleTest, ASubscriptionThatAnotherReplicaCreatedIsCompared) {
  int looks = 0;
  std::string filter = kFilter;
  bus.on_get_subscription = [&](pubsub::Subscription* found) {
    if (++looks % 2 == 1) return not_found();
    found->set_topic(spec.topic);
    found->set_filter(filter);
    return grpc::Status::OK;
  };
  bus.on_create_subscription = [](const auto&) {
    return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "there");
  };
  EXPECT_TRUE(admin.ensure_subscription(spec).ok());
  filter = "";
  EXPECT_TRUE(absl::IsFailedPrecondition(admin.ensure_subscription(spec)));
}

TEST_F(AdminTroubleTest, ASubscriptionThatComesAndGoesIsATransientError) {
  bus.on_get_subscription = [](auto*) { return not_found(); };
  bus.on_create_subscription = [](const auto&) {
    return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "there");
  };
  EXPECT_TRUE(absl::IsAborted(admin.ensure_subscription(spec)));
}

}  // namespace
}  // namespace pollbus
