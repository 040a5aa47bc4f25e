#include <gmock/gmock.h>
#include <google/pubsub/v1/schema.grpc.pb.h>

#include "broker/service/schema_registry.h"
#include "broker/service/service_test_client.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::HasSubstr;

constexpr char kVotes[] = "projects/p/topics/votes";
constexpr char kAllVotes[] = "projects/p/subscriptions/votes";
constexpr char kSchema[] = "projects/p/schemas/vote";
constexpr char kFirst[] = R"({"type":"record","name":"V","fields":[{"name":"a","type":"int"}]})";
constexpr char kSecond[] =
    R"({"type":"record","name":"V","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]})";

class SchemaServiceTest : public ServiceTest {
 protected:
  using Stub = api::SchemaService::Stub;

  // Calls a method of SchemaService.
  template <typename Response, typename Request>
  grpc::Status call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    TestContext context;
    return (*api::SchemaService::NewStub(channel).*method)(&context, request, response);
  }
  api::Schema schema(const std::string& definition, api::Schema::Type type = api::Schema::AVRO) {
    api::Schema result;
    result.set_type(type);
    result.set_definition(definition);
    return result;
  }
  grpc::Status create(const std::string& definition, api::Schema* response) {
    api::CreateSchemaRequest request;
    request.set_parent("projects/p");
    request.set_schema_id("vote");
    *request.mutable_schema() = schema(definition);
    return call(&Stub::CreateSchema, request, response);
  }
  grpc::Status commit(const api::Schema& revision, api::Schema* response) {
    api::CommitSchemaRequest request;
    request.set_name(kSchema);
    *request.mutable_schema() = revision;
    return call(&Stub::CommitSchema, request, response);
  }
  grpc::Status get(const std::string& name, api::Schema* response,
                   api::SchemaView view = api::SCHEMA_VIEW_UNSPECIFIED) {
    api::GetSchemaRequest request;
    request.set_name(name);
    request.set_view(view);
    return call(&Stub::GetSchema, request, response);
  }
  grpc::Status create_checked_topic(api::Encoding encoding, const std::string& last = "") {
    TestContext context;
    api::Topic topic;
    topic.set_name(kVotes);
    topic.mutable_schema_settings()->set_schema(kSchema);
    topic.mutable_schema_settings()->set_encoding(encoding);
    topic.mutable_schema_settings()->set_last_revision_id(last);
    return publisher->CreateTopic(&context, topic, &topic);
  }
  std::string schema_of_topic() {
    TestContext context;
    api::GetTopicRequest request;
    request.set_topic(kVotes);
    api::Topic topic;
    EXPECT_TRUE(publisher->GetTopic(&context, request, &topic).ok());
    return topic.schema_settings().schema();
  }
};

TEST_F(SchemaServiceTest, SchemasAreCreatedShownListedAndDeleted) {
  api::Schema created;
  ASSERT_TRUE(create(kFirst, &created).ok());
  EXPECT_EQ(created.name(), kSchema);
  EXPECT_EQ(created.revision_id().size(), 8u);
  EXPECT_GT(created.revision_create_time().seconds(), 0);
  EXPECT_EQ(create(kFirst, &created).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(create("junk", &created).error_code(), StatusCode::INVALID_ARGUMENT);
  api::Schema shown;
  ASSERT_TRUE(get(kSchema, &shown).ok());
  EXPECT_EQ(shown.definition(), kFirst);
  ASSERT_TRUE(get(kSchema, &shown, api::BASIC).ok());
  EXPECT_EQ(shown.definition(), "");
  api::ListSchemasRequest list;
  list.set_parent("projects/p");
  api::ListSchemasResponse listed;
  ASSERT_TRUE(call(&Stub::ListSchemas, list, &listed).ok());
  ASSERT_EQ(listed.schemas_size(), 1);
  EXPECT_EQ(listed.schemas(0).definition(), "");
  api::DeleteSchemaRequest remove;
  remove.set_name(kSchema);
  google::protobuf::Empty nothing;
  EXPECT_TRUE(call(&Stub::DeleteSchema, remove, &nothing).ok());
  EXPECT_EQ(call(&Stub::DeleteSchema, remove, &nothing).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(get(kSchema, &shown).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(SchemaServiceTest, RevisionsAreCommittedRolledBackAndDeleted) {
  api::Schema first;
  ASSERT_TRUE(create(kFirst, &first).ok());
  api::Schema second;
  ASSERT_TRUE(commit(schema(kSecond), &second).ok());
  EXPECT_EQ(
      commit(schema("syntax = \"proto3\"; message M {}", api::Schema::PROTOCOL_BUFFER), &second)
          .error_code(),
      StatusCode::INVALID_ARGUMENT);
  api::Schema shown;
  ASSERT_TRUE(get(kSchema, &shown).ok());
  EXPECT_EQ(shown.definition(), kSecond);
  ASSERT_TRUE(get(std::string(kSchema) + "@" + first.revision_id(), &shown).ok());
  EXPECT_EQ(shown.definition(), kFirst);
  api::RollbackSchemaRequest back;
  back.set_name(kSchema);
  back.set_revision_id(first.revision_id());
  api::Schema third;
  ASSERT_TRUE(call(&Stub::RollbackSchema, back, &third).ok());
  EXPECT_EQ(third.definition(), kFirst);
  EXPECT_NE(third.revision_id(), first.revision_id());
  api::ListSchemaRevisionsRequest list;
  list.set_name(kSchema);
  list.set_page_size(2);
  api::ListSchemaRevisionsResponse listed;
  ASSERT_TRUE(call(&Stub::ListSchemaRevisions, list, &listed).ok());
  EXPECT_EQ(listed.schemas_size(), 2);
  list.set_page_token(listed.next_page_token());
  listed.Clear();
  ASSERT_TRUE(call(&Stub::ListSchemaRevisions, list, &listed).ok());
  ASSERT_EQ(listed.schemas_size(), 1);
  EXPECT_EQ(listed.schemas(0).revision_id(), third.revision_id());
  api::DeleteSchemaRevisionRequest remove;
  remove.set_name(std::string(kSchema) + "@" + third.revision_id());
  ASSERT_TRUE(call(&Stub::DeleteSchemaRevision, remove, &shown).ok());
  EXPECT_EQ(shown.revision_id(), second.revision_id());
  EXPECT_EQ(call(&Stub::DeleteSchemaRevision, remove, &shown).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(SchemaServiceTest, TheNumberOfRevisionsIsBounded) {
  api::Schema ignored;
  ASSERT_TRUE(create(kFirst, &ignored).ok());
  for (int i = 1; i < kMaxSchemaRevisions; ++i) {
    ASSERT_TRUE(commit(schema(kFirst), &ignored).ok());
  }
  EXPECT_EQ(commit(schema(kFirst), &ignored).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(SchemaServiceTest, ATopicTakesOnlyMessagesOfItsSchemaAndSaysWhichRevisionTheyFit) {
  EXPECT_EQ(create_checked_topic(api::JSON).error_code(), StatusCode::NOT_FOUND);
  api::Schema first;
  api::Schema second;
  ASSERT_TRUE(create(kFirst, &first).ok());
  ASSERT_TRUE(commit(schema(kSecond), &second).ok());
  EXPECT_EQ(create_checked_topic(api::ENCODING_UNSPECIFIED).error_code(),
            StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(create_checked_topic(api::JSON).ok());
  ASSERT_TRUE(create_subscription(kAllVotes, kVotes).ok());
  const grpc::Status refused = publish(kVotes, 1, "{}");
  EXPECT_EQ(refused.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("failed schema validation: a field is missing"));
  ASSERT_TRUE(publish(kVotes, 1, R"({"a":1})").ok());
  ASSERT_TRUE(publish(kVotes, 1, R"({"a":1,"b":2})").ok());
  api::PullResponse pulled;
  ASSERT_TRUE(pull(kAllVotes, 10, &pulled).ok());
  ASSERT_EQ(pulled.received_messages_size(), 2);
  const auto& attributes = pulled.received_messages(0).message().attributes();
  EXPECT_EQ(attributes.at("googclient_schemaname"), kSchema);
  EXPECT_EQ(attributes.at("googclient_schemaencoding"), "JSON");
  EXPECT_EQ(attributes.at("googclient_schemarevisionid"), first.revision_id());
  EXPECT_EQ(pulled.received_messages(1).message().attributes().at("googclient_schemarevisionid"),
            second.revision_id());
}

TEST_F(SchemaServiceTest, ATopicCanLimitTheRevisions) {
  api::Schema first;
  api::Schema second;
  ASSERT_TRUE(create(kFirst, &first).ok());
  ASSERT_TRUE(create_checked_topic(api::BINARY, first.revision_id()).ok());
  ASSERT_TRUE(commit(schema(kSecond), &second).ok());
  EXPECT_TRUE(publish(kVotes, 1, "\2").ok());
  EXPECT_EQ(publish(kVotes, 1, "\2\2").error_code(), StatusCode::INVALID_ARGUMENT);
  api::DeleteSchemaRevisionRequest remove;
  remove.set_name(std::string(kSchema) + "@" + first.revision_id());
  EXPECT_EQ(call(&Stub::DeleteSchemaRevision, remove, &first).error_code(),
            StatusCode::FAILED_PRECONDITION);
}

TEST_F(SchemaServiceTest, SchemasOutliveARestartAndADeletedOneLeavesItsMark) {
  const pollbus::testing::TemporaryFolder folder;
  start({}, folder.path());
  api::Schema created;
  ASSERT_TRUE(create(kFirst, &created).ok());
  ASSERT_TRUE(create_checked_topic(api::JSON).ok());
  start({}, folder.path());
  EXPECT_TRUE(publish(kVotes, 1, R"({"a":1})").ok());
  EXPECT_EQ(publish(kVotes, 1, "{}").error_code(), StatusCode::INVALID_ARGUMENT);
  api::DeleteSchemaRequest remove;
  remove.set_name(kSchema);
  google::protobuf::Empty nothing;
  ASSERT_TRUE(call(&Stub::DeleteSchema, remove, &nothing).ok());
  // Another schema of this name is not the topic's.
  ASSERT_TRUE(create(kFirst, &created).ok());
  start({}, folder.path());
  EXPECT_EQ(schema_of_topic(), kDeletedSchema);
  EXPECT_EQ(publish(kVotes, 1, R"({"a":1})").error_code(), StatusCode::NOT_FOUND);
  TestContext context;
  api::UpdateTopicRequest update;
  update.mutable_topic()->set_name(kVotes);
  update.mutable_update_mask()->add_paths("schema_settings");
  api::Topic topic;
  ASSERT_TRUE(publisher->UpdateTopic(&context, update, &topic).ok());
  EXPECT_TRUE(publish(kVotes, 1, "anything").ok());
}

TEST_F(SchemaServiceTest, SchemasAndMessagesCanBeValidatedAlone) {
  api::ValidateSchemaRequest definition;
  definition.set_parent("projects/p");
  *definition.mutable_schema() = schema(kFirst);
  api::ValidateSchemaResponse valid;
  EXPECT_TRUE(call(&Stub::ValidateSchema, definition, &valid).ok());
  definition.mutable_schema()->set_definition("junk");
  EXPECT_EQ(call(&Stub::ValidateSchema, definition, &valid).error_code(),
            StatusCode::INVALID_ARGUMENT);
  api::ValidateMessageRequest message;
  message.set_parent("projects/p");
  message.set_encoding(api::JSON);
  message.set_message(R"({"a":1})");
  message.set_name(kSchema);
  api::ValidateMessageResponse fits;
  EXPECT_EQ(call(&Stub::ValidateMessage, message, &fits).error_code(), StatusCode::NOT_FOUND);
  *message.mutable_schema() = schema(kFirst);
  EXPECT_TRUE(call(&Stub::ValidateMessage, message, &fits).ok());
  message.set_encoding(api::BINARY);
  EXPECT_EQ(call(&Stub::ValidateMessage, message, &fits).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace pollbus::broker
