// How topics and subscriptions are checked, shown, listed and changed.

#include <gmock/gmock.h>
#include <google/iam/v1/iam_policy.grpc.pb.h>
#include <google/pubsub/v1/schema.grpc.pb.h>

#include "broker/service/service_test_client.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ResourcesTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(create_topic(kTopic).ok());
    wanted.set_name(kSubscription);
    wanted.set_topic(kTopic);
  }
  grpc::Status update(const api::Subscription& to, const std::string& path) {
    TestContext context;
    api::UpdateSubscriptionRequest request;
    api::Subscription response;
    *request.mutable_subscription() = to;
    request.mutable_update_mask()->add_paths(path);
    return subscriber->UpdateSubscription(&context, request, &response);
  }
  grpc::Status update_topic(const api::Topic& to, const std::string& path) {
    TestContext context;
    api::UpdateTopicRequest request;
    api::Topic response;
    *request.mutable_topic() = to;
    request.mutable_update_mask()->add_paths(path);
    return publisher->UpdateTopic(&context, request, &response);
  }
  StatusCode create_with(const std::function<void(api::Subscription*)>& change) {
    api::Subscription request = wanted;
    change(&request);
    const grpc::Status status = create_subscription(request);
    if (status.ok()) {
      EXPECT_TRUE(delete_subscription(kSubscription).ok());
    }
    return status.error_code();
  }

  api::Subscription wanted;
};

TEST_F(ResourcesTest, PoliciesHaveLimits) {
  const auto retention = [this](std::int64_t seconds) {
    return create_with([seconds](api::Subscription* request) {
      request->mutable_message_retention_duration()->set_seconds(seconds);
    });
  };
  EXPECT_EQ(retention(599), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(retention(600), StatusCode::OK);
  EXPECT_EQ(retention(31 * 86'400), StatusCode::OK);
  EXPECT_EQ(retention(31 * 86'400 + 1), StatusCode::INVALID_ARGUMENT);
  const auto expiration = [this](std::int64_t seconds) {
    return create_with([seconds](api::Subscription* request) {
      request->mutable_expiration_policy()->mutable_ttl()->set_seconds(seconds);
    });
  };
  EXPECT_EQ(expiration(86'399), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(expiration(86'400), StatusCode::OK);
  const auto backoff = [this](std::int64_t least, std::int64_t most) {
    return create_with([least, most](api::Subscription* request) {
      request->mutable_retry_policy()->mutable_minimum_backoff()->set_seconds(least);
      request->mutable_retry_policy()->mutable_maximum_backoff()->set_seconds(most);
    });
  };
  EXPECT_EQ(backoff(0, 600), StatusCode::OK);
  EXPECT_EQ(backoff(-1, 600), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(backoff(0, 601), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(backoff(20, 10), StatusCode::INVALID_ARGUMENT);
}

TEST_F(ResourcesTest, InvalidLabelsAreRefused) {
  const auto label = [this](const std::string& key, const std::string& value) {
    return create_with(
        [&](api::Subscription* request) { (*request->mutable_labels())[key] = value; });
  };
  EXPECT_EQ(label("owner_1-x", "clerk"), StatusCode::OK);
  EXPECT_EQ(label("owner", ""), StatusCode::OK);
  EXPECT_EQ(label("", "clerk"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(label("1owner", "clerk"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(label("Owner", "clerk"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(label("owner", "a b"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(label(std::string(64, 'o'), ""), StatusCode::INVALID_ARGUMENT);
}

TEST_F(ResourcesTest, DefaultsAreShown) {
  wanted.mutable_retry_policy();
  ASSERT_TRUE(create_subscription(wanted).ok());
  api::Subscription subscription = shown(kSubscription);
  EXPECT_EQ(subscription.expiration_policy().ttl().seconds(), 31 * 86'400);
  EXPECT_EQ(subscription.retry_policy().minimum_backoff().seconds(), 10);
  EXPECT_EQ(subscription.retry_policy().maximum_backoff().seconds(), 600);
  EXPECT_FALSE(subscription.has_dead_letter_policy());
  wanted.mutable_expiration_policy();  // never
  ASSERT_TRUE(update(wanted, "expiration_policy").ok());
  subscription = shown(kSubscription);
  EXPECT_TRUE(subscription.has_expiration_policy());
  EXPECT_FALSE(subscription.expiration_policy().has_ttl());
}

TEST_F(ResourcesTest, AnEmptyPolicyRemovesThePolicy) {
  wanted.mutable_dead_letter_policy()->set_dead_letter_topic(kTopic);
  wanted.mutable_retry_policy();
  ASSERT_TRUE(create_subscription(wanted).ok());
  EXPECT_EQ(shown(kSubscription).dead_letter_policy().max_delivery_attempts(), 5);
  wanted.mutable_dead_letter_policy()->Clear();
  ASSERT_TRUE(update(wanted, "dead_letter_policy").ok());
  EXPECT_FALSE(shown(kSubscription).has_dead_letter_policy());
  wanted.clear_retry_policy();
  ASSERT_TRUE(update(wanted, "retry_policy").ok());
  EXPECT_FALSE(shown(kSubscription).has_retry_policy());
}

TEST_F(ResourcesTest, AnUpdateOfAnImmutableFieldIsRefusedWithItsName) {
  ASSERT_TRUE(create_subscription(wanted).ok());
  EXPECT_EQ(update(wanted, "filter").error_message(),
            "Invalid update_mask provided in the UpdateSubscriptionRequest: the 'filter' field in "
            "the Subscription is not mutable.");
  EXPECT_THAT(update(wanted, "pushConfig").error_message(),
              HasSubstr("'pushConfig' is not a known Subscription field"));
  api::Topic topic;
  topic.set_name(kTopic);
  EXPECT_EQ(update_topic(topic, "name").error_message(),
            "Invalid update_mask provided in the UpdateTopicRequest: the 'name' field in the Topic "
            "is not mutable.");
}

TEST_F(ResourcesTest, AStoragePolicyIsKeptUnlessItIsEmpty) {
  api::Topic topic;
  topic.set_name(kTopic);
  topic.mutable_message_storage_policy()->add_allowed_persistence_regions("europe-west1");
  EXPECT_TRUE(update_topic(topic, "message_storage_policy").ok());
  topic.mutable_message_storage_policy()->clear_allowed_persistence_regions();
  EXPECT_EQ(update_topic(topic, "message_storage_policy").error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(ResourcesTest, FieldsThatOnlyTheServerSetsAreIgnoredInRequests) {
  wanted.set_detached(true);
  wanted.set_state(api::Subscription::RESOURCE_ERROR);
  wanted.mutable_topic_message_retention_duration()->set_seconds(5);
  ASSERT_TRUE(create_subscription(wanted).ok());
  api::Subscription subscription = shown(kSubscription);
  EXPECT_FALSE(subscription.detached());
  EXPECT_EQ(subscription.state(), api::Subscription::ACTIVE);
  EXPECT_FALSE(subscription.has_topic_message_retention_duration());
  api::Topic topic;
  topic.set_name(kTopic);
  topic.mutable_message_retention_duration()->set_seconds(600);
  ASSERT_TRUE(update_topic(topic, "message_retention_duration").ok());
  EXPECT_EQ(shown(kSubscription).topic_message_retention_duration().seconds(), 600);
  topic.mutable_message_retention_duration()->set_seconds(599);
  EXPECT_EQ(update_topic(topic, "message_retention_duration").error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(ResourcesTest, MissingNamesAreGenerated) {
  wanted.clear_name();
  TestContext context;
  api::Subscription created;
  ASSERT_TRUE(subscriber->CreateSubscription(&context, wanted, &created).ok());
  EXPECT_THAT(created.name(), StartsWith("projects/p/subscriptions/generated-"));
  TestContext snapshot_context;
  api::CreateSnapshotRequest request;
  api::Snapshot snapshot;
  request.set_subscription(created.name());
  ASSERT_TRUE(subscriber->CreateSnapshot(&snapshot_context, request, &snapshot).ok());
  EXPECT_THAT(snapshot.name(), StartsWith("projects/p/snapshots/generated-"));
}

TEST_F(ResourcesTest, ASubscriptionRemainsWhenItsTopicIsDeleted) {
  ASSERT_TRUE(create_subscription(wanted).ok());
  TestContext context;
  api::DeleteTopicRequest request;
  google::protobuf::Empty response;
  request.set_topic(kTopic);
  ASSERT_TRUE(publisher->DeleteTopic(&context, request, &response).ok());
  EXPECT_EQ(shown(kSubscription).topic(), "_deleted-topic_");
}

TEST_F(ResourcesTest, ADetachedSubscriptionRefusesPulls) {
  ASSERT_TRUE(create_subscription(wanted).ok());
  TestContext stream_context;
  const std::unique_ptr<Stream> stream = subscriber->StreamingPull(&stream_context);
  api::StreamingPullRequest first;
  first.set_subscription(kSubscription);
  first.set_stream_ack_deadline_seconds(10);
  ASSERT_TRUE(stream->Write(first));
  api::StreamingPullResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  TestContext context;
  api::DetachSubscriptionRequest request;
  api::DetachSubscriptionResponse response;
  request.set_subscription(kSubscription);
  ASSERT_TRUE(publisher->DetachSubscription(&context, request, &response).ok());
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(shown(kSubscription).detached());
  api::PullResponse pulled;
  EXPECT_EQ(pull(kSubscription, 1, &pulled).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(ResourcesTest, ListsComeInPages) {
  for (const char* name : {"t-b", "t-c", "t-a"}) {
    ASSERT_TRUE(create_topic(std::string("projects/q/topics/") + name).ok());
  }
  std::vector<std::string> names;
  api::ListTopicsRequest request;
  request.set_project("projects/q");
  request.set_page_size(2);
  int pages = 0;
  do {
    TestContext context;
    api::ListTopicsResponse response;
    ASSERT_TRUE(publisher->ListTopics(&context, request, &response).ok());
    for (const api::Topic& topic : response.topics()) names.push_back(topic.name());
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(names, ElementsAre("projects/q/topics/t-a", "projects/q/topics/t-b",
                                 "projects/q/topics/t-c"));
}

TEST_F(ResourcesTest, EveryCallerHasEveryPermission) {
  const auto iam = google::iam::v1::IAMPolicy::NewStub(channel);
  google::iam::v1::SetIamPolicyRequest set;
  google::iam::v1::Policy policy;
  set.set_resource(kTopic);
  set.mutable_policy()->add_bindings()->set_role("roles/viewer");
  TestContext context;
  ASSERT_TRUE(iam->SetIamPolicy(&context, set, &policy).ok());
  google::iam::v1::GetIamPolicyRequest get;
  get.set_resource(kTopic);
  TestContext get_context;
  ASSERT_TRUE(iam->GetIamPolicy(&get_context, get, &policy).ok());
  EXPECT_EQ(policy.bindings(0).role(), "roles/viewer");
  get.set_resource(kSubscription);
  TestContext missing_context;
  EXPECT_EQ(iam->GetIamPolicy(&missing_context, get, &policy).error_code(), StatusCode::NOT_FOUND);
  google::iam::v1::TestIamPermissionsRequest test;
  google::iam::v1::TestIamPermissionsResponse allowed;
  test.set_resource(kTopic);
  test.add_permissions("pubsub.topics.publish");
  TestContext test_context;
  ASSERT_TRUE(iam->TestIamPermissions(&test_context, test, &allowed).ok());
  EXPECT_THAT(allowed.permissions(), ElementsAre("pubsub.topics.publish"));
  test.set_resource(kSubscription);
  TestContext nothing_context;
  ASSERT_TRUE(iam->TestIamPermissions(&nothing_context, test, &allowed).ok());
  EXPECT_THAT(allowed.permissions(), IsEmpty()) << "of what is not there";
}

TEST_F(ResourcesTest, APolicyWithAnOldEtagIsNotOverwritten) {
  const auto iam = google::iam::v1::IAMPolicy::NewStub(channel);
  google::iam::v1::Policy policy;
  const auto set = [&](const std::string& etag) {
    google::iam::v1::SetIamPolicyRequest request;
    request.set_resource(kTopic);
    request.mutable_policy()->set_etag(etag);
    TestContext context;
    return iam->SetIamPolicy(&context, request, &policy).error_code();
  };
  ASSERT_EQ(set(""), StatusCode::OK);
  const std::string etag = policy.etag();
  EXPECT_EQ(set(etag), StatusCode::OK);
  EXPECT_EQ(set(etag), StatusCode::ABORTED);
  EXPECT_EQ(set(""), StatusCode::OK) << "who names none does not mind";
}

}  // namespace
}  // namespace pollbus::broker
