// Seek and snapshots, as clients see them.

#include <gmock/gmock.h>

#include "broker/service/service_test_client.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const std::string kSnapshot = "projects/p/snapshots/before";

class SeekTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    create_all();
  }
  void create_all() {
    ASSERT_TRUE(create_topic(kTopic).ok());
    api::Subscription wanted;
    wanted.set_name(kSubscription);
    wanted.set_topic(kTopic);
    wanted.set_retain_acked_messages(true);
    ASSERT_TRUE(create_subscription(wanted).ok());
  }
  std::vector<std::string> pull_data(const std::string& subscription, bool acks = false) {
    std::vector<std::string> data;
    std::vector<std::string> ids;
    api::PullResponse response;
    EXPECT_TRUE(pull(subscription, 100, &response, true).ok());
    for (const auto& received : response.received_messages()) {
      data.push_back(received.message().data());
      ids.push_back(received.ack_id());
      last_published = received.message().publish_time();
    }
    if (acks && !ids.empty()) {
      EXPECT_TRUE(acknowledge(subscription, ids).ok());
    }
    return data;
  }
  grpc::Status seek(const api::SeekRequest& request) {
    TestContext context;
    api::SeekResponse response;
    return subscriber->Seek(&context, request, &response);
  }
  grpc::Status seek_to(const std::string& subscription, google::protobuf::Timestamp time) {
    api::SeekRequest request;
    request.set_subscription(subscription);
    *request.mutable_time() = std::move(time);
    return seek(request);
  }
  grpc::Status seek_to_snapshot(const std::string& subscription, const std::string& snapshot) {
    api::SeekRequest request;
    request.set_subscription(subscription);
    request.set_snapshot(snapshot);
    return seek(request);
  }
  grpc::Status create_snapshot(const std::string& name, api::Snapshot* response) {
    TestContext context;
    api::CreateSnapshotRequest request;
    request.set_name(name);
    request.set_subscription(kSubscription);
    (*request.mutable_labels())["owner"] = "clerk";
    return subscriber->CreateSnapshot(&context, request, response);
  }

  google::protobuf::Timestamp last_published;
};

TEST_F(SeekTest, SeekToATimeWorksForwardAndBack) {
  ASSERT_TRUE(publish(kTopic, 1, "a").ok());
  ASSERT_TRUE(publish(kTopic, 1, "b").ok());
  EXPECT_THAT(pull_data(kSubscription, true), ElementsAre("a", "b"));
  ASSERT_TRUE(seek_to(kSubscription, last_published).ok());
  EXPECT_THAT(pull_data(kSubscription, true), ElementsAre("b"));
  ASSERT_TRUE(seek_to(kSubscription, {}).ok());
  google::protobuf::Timestamp future;
  future.set_seconds(253'402'300'000);
  ASSERT_TRUE(seek_to(kSubscription, future).ok());
  EXPECT_THAT(pull_data(kSubscription), IsEmpty());
}

TEST_F(SeekTest, ASnapshotIsShownListedChangedAndDeleted) {
  api::Snapshot snapshot;
  ASSERT_TRUE(create_snapshot(kSnapshot, &snapshot).ok());
  EXPECT_EQ(snapshot.name(), kSnapshot);
  EXPECT_EQ(snapshot.topic(), kTopic);
  EXPECT_EQ(snapshot.labels().at("owner"), "clerk");
  EXPECT_GT(snapshot.expire_time().seconds(), 1'700'000'000);
  const grpc::Status again = create_snapshot(kSnapshot, &snapshot);
  EXPECT_EQ(again.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(again.error_message(), "Resource already exists in the project (resource=before).");
  EXPECT_EQ(create_snapshot("projects/p/snapshots/x", &snapshot).error_code(),
            StatusCode::INVALID_ARGUMENT);
  TestContext list_context;
  api::ListSnapshotsRequest list;
  api::ListSnapshotsResponse listed;
  list.set_project("projects/p");
  ASSERT_TRUE(subscriber->ListSnapshots(&list_context, list, &listed).ok());
  EXPECT_EQ(listed.snapshots(0).labels().at("owner"), "clerk");
  TestContext of_topic_context;
  api::ListTopicSnapshotsRequest of_topic;
  api::ListTopicSnapshotsResponse names;
  of_topic.set_topic(kTopic);
  ASSERT_TRUE(publisher->ListTopicSnapshots(&of_topic_context, of_topic, &names).ok());
  EXPECT_THAT(names.snapshots(), ElementsAre(kSnapshot));
  TestContext update_context;
  api::UpdateSnapshotRequest update;
  update.mutable_snapshot()->set_name(kSnapshot);
  update.mutable_update_mask()->add_paths("labels");
  ASSERT_TRUE(subscriber->UpdateSnapshot(&update_context, update, &snapshot).ok());
  EXPECT_THAT(snapshot.labels(), IsEmpty());
  TestContext delete_context;
  api::DeleteSnapshotRequest to_delete;
  google::protobuf::Empty empty;
  to_delete.set_snapshot(kSnapshot);
  ASSERT_TRUE(subscriber->DeleteSnapshot(&delete_context, to_delete, &empty).ok());
  TestContext get_context;
  api::GetSnapshotRequest get;
  get.set_snapshot(kSnapshot);
  EXPECT_EQ(subscriber->GetSnapshot(&get_context, get, &snapshot).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(SeekTest, AnotherSubscriptionCanSeekToASnapshotWithItsOwnFilter) {
  const std::string filtered = "projects/p/subscriptions/filtered";
  const pollbus::testing::TemporaryFolder folder;
  start({}, folder / "data");
  create_all();
  ASSERT_TRUE(create_subscription(filtered, kTopic, "attributes.n=\"2\"").ok());
  api::PublishRequest request;
  request.set_topic(kTopic);
  for (const char* n : {"1", "2", "3"}) {
    request.add_messages()->set_data(n);
    (*request.mutable_messages()->rbegin()->mutable_attributes())["n"] = n;
  }
  ASSERT_TRUE(publish(request).ok());
  api::Snapshot snapshot;
  ASSERT_TRUE(create_snapshot(kSnapshot, &snapshot).ok());
  EXPECT_THAT(pull_data(filtered, true), ElementsAre("2"));
  start({}, folder / "data");  // bodies are on disk only
  ASSERT_TRUE(seek_to_snapshot(filtered, kSnapshot).ok());
  EXPECT_THAT(pull_data(filtered, true), ElementsAre("2"));
  EXPECT_THAT(pull_data(kSubscription, true), SizeIs(3));
  ASSERT_TRUE(seek_to_snapshot(kSubscription, kSnapshot).ok());
  EXPECT_THAT(pull_data(kSubscription), UnorderedElementsAre("1", "2", "3"));
}

TEST_F(SeekTest, AnInvalidSeekIsRefusedWithTheReason) {
  EXPECT_EQ(seek_to_snapshot(kSubscription, kSnapshot).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(seek_to("projects/p/subscriptions/none", {}).error_code(), StatusCode::NOT_FOUND);
  api::SeekRequest request;
  request.set_subscription(kSubscription);
  EXPECT_EQ(seek(request).error_code(), StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace pollbus::broker
