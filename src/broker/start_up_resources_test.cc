#include "broker/start_up_resources.h"

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <fstream>

#include "base/clock.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

constexpr char kFile[] = R"(
project: shop
schemas:
  - name: order
    type: AVRO
    definition: '{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}'
topics:
  - orders
  - name: checked
    schemaSettings: { schema: order, encoding: JSON }
  - name: projects/other/topics/returns
    messageRetentionDuration: 3600s
    labels: { version: 1, live: "true" }
subscriptions:
  - name: billing
    topic: orders
    filter: attributes.kind = "paid"
    ack_deadline_seconds: 30
    enableMessageOrdering: true
    deadLetterPolicy: { deadLetterTopic: orders, maxDeliveryAttempts: 7 }
)";

class StartUpResourcesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = Server::start({}, system_clock(), registry);
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }
  absl::StatusOr<StartUpResources> read(const std::string& text, const std::string& project = "") {
    std::ofstream(folder / "resources") << text;
    StartUpResources resources;
    absl::Status status = resources.add_file(project, folder / "resources");
    if (!status.ok()) return status;
    return resources;
  }
  absl::Status apply_file(const std::string& text) {
    const auto resources = read(text, "p");
    return resources.ok() ? apply(*resources, *server) : resources.status();
  }
  api::Subscription subscription(const std::string& name) {
    grpc::ClientContext context;
    api::GetSubscriptionRequest request;
    request.set_subscription(name);
    api::Subscription response;
    const auto status =
        api::Subscriber::NewStub(server->channel())->GetSubscription(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  pollbus::testing::TemporaryFolder folder;
  prometheus::Registry registry;
  std::unique_ptr<Server> server;
};

TEST_F(StartUpResourcesTest, AFileSaysWhatIsCreatedWithAllItsSettings) {
  const auto resources = read(kFile);
  ASSERT_TRUE(resources.ok()) << resources.status();
  ASSERT_EQ(resources->topics.size(), 3u);
  EXPECT_EQ(resources->topics[1].resource.schema_settings().schema(),
            "projects/shop/schemas/order");
  EXPECT_EQ(resources->topics[0].resource.name(), "projects/shop/topics/orders");
  EXPECT_EQ(resources->topics[2].resource.labels().at("version"), "1");
  EXPECT_EQ(resources->topics[2].resource.message_retention_duration().seconds(), 3'600);
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = apply(*resources, *server);
    ASSERT_TRUE(status.ok()) << status;
  }
  const api::Subscription created = subscription("projects/shop/subscriptions/billing");
  EXPECT_EQ(created.topic(), "projects/shop/topics/orders");
  EXPECT_EQ(created.filter(), "attributes.kind = \"paid\"");
  EXPECT_EQ(created.ack_deadline_seconds(), 30);
  EXPECT_TRUE(created.enable_message_ordering());
  EXPECT_EQ(created.dead_letter_policy().dead_letter_topic(), "projects/shop/topics/orders");
  EXPECT_EQ(created.dead_letter_policy().max_delivery_attempts(), 7);
}

TEST_F(StartUpResourcesTest, JsonIsReadLikeYaml) {
  const auto resources = read(
      R"({"topics": ["t", {"name": "projects/q/topics/u"}],
          "subscriptions": [{"name": "s", "topic": "t", "retainAckedMessages": true}]})",
      "p");
  ASSERT_TRUE(resources.ok()) << resources.status();
  EXPECT_EQ(resources->topics[1].resource.name(), "projects/q/topics/u");
  EXPECT_EQ(resources->subscriptions[0].resource.topic(), "projects/p/topics/t");
  EXPECT_TRUE(resources->subscriptions[0].resource.retain_acked_messages());
}

TEST_F(StartUpResourcesTest, WhatExistsIsChangedToWhatTheFileSaysAndKeepsTheRest) {
  const std::string before =
      "topics: [tea]\nsubscriptions: [{name: sub, topic: tea, labels: {a: b}}]\n";
  ASSERT_TRUE(apply_file(before).ok());
  ASSERT_TRUE(apply_file(before).ok());
  ASSERT_TRUE(apply_file("topics: [{name: tea, labels: {x: y}}]\n"
                         "subscriptions: [{name: sub, topic: tea, ackDeadlineSeconds: 99}]\n")
                  .ok());
  const api::Subscription changed = subscription("projects/p/subscriptions/sub");
  EXPECT_EQ(changed.ack_deadline_seconds(), 99);
  EXPECT_EQ(changed.labels().at("a"), "b");
}

TEST_F(StartUpResourcesTest, ASubscriptionThatExistsWithAnotherFilterIsRefused) {
  ASSERT_TRUE(apply_file("topics: [tea]\nsubscriptions: [{name: sub, topic: tea}]\n").ok());
  const absl::Status status =
      apply_file("subscriptions: [{name: sub, topic: tea, filter: 'attributes:a'}]\n");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("projects/p/subscriptions/sub exists with another filter"),
            absl::string_view::npos)
      << status;
}

TEST_F(StartUpResourcesTest, AnErrorNamesTheFileAndTheItem) {
  const std::pair<const char*, const char*> cases[] = {
      {"topics: [t", "line 1"},
      {"- topics", "expected `topics` and `subscriptions`"},
      {"queues: []", "\"queues\" is unknown"},
      {"topics: {name: t}", "topics: expected a list"},
      {"project: p\ntopics: [{name: t}, {name: u, colour: red}]", "topics: item 2: "},
      {"topics: [t]\ntopics: [u]", "\"topics\" is there twice"},
      {"topics: [t]", "item 1: \"t\" needs a project"}};
  for (const auto& [text, expected] : cases) {
    const absl::Status status = read(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(expected), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find((folder / "resources").string()), absl::string_view::npos);
  }
  EXPECT_FALSE(StartUpResources().add_file("p", folder / "missing").ok());
}

TEST_F(StartUpResourcesTest, AnAliasCannotBecomeAHugeFile) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += "*a" + std::to_string(i - 1) + ",";
    text += "]\n";
  }
  EXPECT_NE(read(text).status().message().find("too many parts"), absl::string_view::npos);
}

TEST_F(StartUpResourcesTest, VariablesOfEmulatorImagesAreUnderstood) {
  StartUpResources resources;
  ASSERT_TRUE(resources
                  .add_variables([](const std::string& name) -> std::optional<std::string> {
                    if (name == "PUBSUB_PROJECT1") return "one,orders:billing:audit,returns";
                    if (name == "PUBSUB_PROJECT2") return "two,t:pushed+host|3000/events";
                    return std::nullopt;
                  })
                  .ok());
  ASSERT_EQ(resources.topics.size(), 3u);
  EXPECT_EQ(resources.topics[1].resource.name(), "projects/one/topics/returns");
  ASSERT_EQ(resources.subscriptions.size(), 3u);
  EXPECT_EQ(resources.subscriptions[1].resource.name(), "projects/one/subscriptions/audit");
  EXPECT_EQ(resources.subscriptions[1].resource.topic(), "projects/one/topics/orders");
  EXPECT_EQ(resources.subscriptions[2].resource.push_config().push_endpoint(),
            "http://host:3000/events");
}

TEST(SplitSubscriptionTest, AProjectMayHaveAColon) {
  const auto split = split_subscription(
      "projects/example.com:shop/subscriptions/s:projects/example.com:shop/topics/t");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->name, "projects/example.com:shop/subscriptions/s");
  EXPECT_EQ(split->topic, "projects/example.com:shop/topics/t");
  EXPECT_FALSE(split_subscription("s"));
}

}  // namespace
}  // namespace pollbus::broker
