// The table of clients on a running broker with mutual TLS.
#include "broker/service/access.h"

#include <gmock/gmock.h>
#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <future>

#include "broker/service/server.h"
#include "broker/service/service_test_client.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using grpc::StatusCode;
using ::testing::HasSubstr;

const std::string kSubmitSub = "projects/p/subscriptions/submit-sub";
const std::string kResult3 = "projects/p/subscriptions/result-3-sub";
const std::string kResult4 = "projects/p/subscriptions/result-4-sub";
constexpr char kTable[] = R"(project p
client logger
  publish election function="result"
  subscribe submit-sub election attributes.function="submit vote"
client machine-*
  publish election function="submit vote"
  subscribe result-*-sub election attributes.machineID="*"
client nobody
client operator
  admin
)";

struct Client {
  explicit Client(const std::shared_ptr<grpc::Channel>& its_channel)
      : channel(its_channel),
        publisher(api::Publisher::NewStub(channel)),
        subscriber(api::Subscriber::NewStub(channel)) {}

  grpc::Status create_topic(const std::string& name) const {
    TestContext context;
    api::Topic request;
    request.set_name(name);
    api::Topic response;
    return publisher->CreateTopic(&context, request, &response);
  }
  grpc::Status create(const std::string& name, const std::string& filter) const {
    TestContext context;
    api::Subscription request;
    request.set_name(name);
    request.set_topic(kTopic);
    request.set_filter(filter);
    api::Subscription response;
    return subscriber->CreateSubscription(&context, request, &response);
  }
  grpc::Status publish(const std::map<std::string, std::string>& attributes) const {
    TestContext context;
    api::PublishRequest request;
    request.set_topic(kTopic);
    request.add_messages()->mutable_attributes()->insert(attributes.begin(), attributes.end());
    api::PublishResponse response;
    return publisher->Publish(&context, request, &response);
  }
  grpc::Status pull(const std::string& name, api::PullResponse* response) const {
    TestContext context;
    api::PullRequest request;
    request.set_subscription(name);
    request.set_max_messages(10);
    return subscriber->Pull(&context, request, response);
  }
  StatusCode pull(const std::string& name) const {
    api::PullResponse response;
    return pull(name, &response).error_code();
  }
  // Of a stream that must end.
  grpc::Status stream(const std::string& name) const {
    TestContext context;
    const auto open = subscriber->StreamingPull(&context);
    api::StreamingPullRequest request;
    request.set_subscription(name);
    request.set_stream_ack_deadline_seconds(10);
    open->Write(request);
    api::StreamingPullResponse response;
    while (open->Read(&response)) {
    }
    return open->Finish();
  }
  // Any method, with an empty request.
  grpc::Status call(const std::string& method) const {
    grpc::GenericStub stub(channel);
    TestContext context;
    grpc::ByteBuffer request;
    grpc::Slice empty;
    request = grpc::ByteBuffer(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, {}, &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<api::Publisher::Stub> publisher;
  std::unique_ptr<api::Subscriber::Stub> subscriber;
};

class AccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder / "clients") << kTable;
    auto started = start();
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    TestContext context;
    server->identify(&context);
    api::Topic topic;
    topic.set_name(kTopic);
    const auto created =
        api::Publisher::NewStub(server->channel())->CreateTopic(&context, topic, &topic);
    ASSERT_TRUE(created.ok()) << created.error_message();
  }
  absl::StatusOr<std::unique_ptr<Server>> start() {
    return Server::start({.tls = {.certificate = certificates.certificate(),
                                  .key = certificates.key(),
                                  .client_ca = certificates.authority()},
                          .clients = folder / "clients"},
                         system_clock(), registry);
  }
  Client client(const std::string& name) {
    certificates.issue(name);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = certificates.read(certificates.authority());
    options.pem_cert_chain = certificates.read(certificates.certificate_of(name));
    options.pem_private_key = certificates.read(certificates.key_of(name));
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return Client(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server->port()),
                                            grpc::SslCredentials(options), arguments));
  }

  testing::TemporaryFolder folder;
  testing::Certificates certificates{folder.path()};
  prometheus::Registry registry;
  std::unique_ptr<Server> server;
};

TEST_F(AccessTest, AMachineReceivesItsOwnResultsAndNeitherThoseOfAnotherNorSubmittedVotes) {
  const Client logger = client("logger");
  const Client machine = client("machine-3");
  const Client other = client("machine-4");
  const std::string submitted = "attributes.function=\"submit vote\"";
  ASSERT_TRUE(logger.create(kSubmitSub, submitted).ok());
  ASSERT_TRUE(machine.create(kResult3, "attributes.machineID=\"3\"").ok());
  ASSERT_TRUE(other.create(kResult4, "attributes.machineID=\"4\"").ok());
  ASSERT_TRUE(machine.publish({{"function", "submit vote"}}).ok());
  ASSERT_TRUE(logger.publish({{"function", "result"}, {"machineID", "3"}}).ok());

  EXPECT_EQ(machine.pull(kSubmitSub), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(machine.pull(kResult4), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(machine.stream(kSubmitSub).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(other.pull(kResult3), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(other.create("projects/p/subscriptions/mine", submitted).error_code(),
            StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(machine.publish({{"function", "result"}, {"machineID", "3"}}).error_code(),
            StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(logger.publish({{"function", "submit vote"}}).error_code(),
            StatusCode::PERMISSION_DENIED);

  api::PullResponse response;
  ASSERT_TRUE(machine.pull(kResult3, &response).ok());
  EXPECT_EQ(response.received_messages_size(), 1);
  ASSERT_TRUE(logger.pull(kSubmitSub, &response).ok());
  EXPECT_EQ(response.received_messages_size(), 1);
}

TEST_F(AccessTest, ASubscriptionThatAnotherClientMadeWithAnotherFilterDeliversNothing) {
  ASSERT_TRUE(client("operator").create(kResult3, "").ok());
  const Client machine = client("machine-3");
  ASSERT_TRUE(machine.publish({{"function", "submit vote"}}).ok());
  EXPECT_EQ(machine.pull(kResult3), StatusCode::PERMISSION_DENIED);
  const grpc::Status status = machine.stream(kResult3);
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("another topic or filter than the table says"));
  TestContext context;
  api::DeleteSubscriptionRequest request;
  request.set_subscription(kResult3);
  google::protobuf::Empty response;
  EXPECT_EQ(machine.subscriber->DeleteSubscription(&context, request, &response).error_code(),
            StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(client("machine-4").pull(kResult4), StatusCode::NOT_FOUND);
}

TEST_F(AccessTest, ATopicThatExistsMayBeEnsuredByItsUsersAndOnlyAdministratorsCreateOthers) {
  EXPECT_EQ(client("logger").create_topic(kTopic).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(client("nobody").create_topic(kTopic).error_code(), StatusCode::PERMISSION_DENIED);
  const std::string another = "projects/p/topics/another";
  EXPECT_EQ(client("machine-3").create_topic(another).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(client("operator").create_topic(another).ok());
}

TEST_F(AccessTest, EveryMethodIsDeniedToClientsWithoutRights) {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string name : {"nobody", "stranger"}) {
    const Client someone = client(name);
    for (const std::string service :
         {"google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber",
          "google.pubsub.v1.SchemaService", "google.iam.v1.IAMPolicy"}) {
      const auto* const descriptor = pool->FindServiceByName(service);
      ASSERT_NE(descriptor, nullptr) << service;
      for (int i = 0; i < descriptor->method_count(); ++i) {
        const std::string& method = descriptor->method(i)->name();
        if (method == "StreamingPull") continue;
        const grpc::Status status = someone.call("/" + service + "/" + method);
        if (status.error_code() == StatusCode::UNIMPLEMENTED) continue;
        EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED) << name << ": " << method;
        EXPECT_THAT(status.error_message(), HasSubstr("\"" + name + "\"")) << method;
      }
    }
    EXPECT_EQ(someone.stream(kSubmitSub).error_code(), StatusCode::PERMISSION_DENIED) << name;
  }
}

TEST_F(AccessTest, DeniedCallsAreCounted) {
  EXPECT_EQ(client("nobody").create_topic(kTopic).error_code(), StatusCode::PERMISSION_DENIED);
  double denied = 0;
  for (const auto& family : registry.Collect()) {
    if (family.name == "broker_denied_calls_total") denied = family.metric.at(0).counter.value;
  }
  EXPECT_EQ(denied, 1);
}

TEST_F(AccessTest, ABrokerDoesNotStartWithAWrongTable) {
  std::ofstream(folder / "clients") << "client a\nclient a\n";
  const auto started = start();
  EXPECT_TRUE(absl::IsInvalidArgument(started.status())) << started.status();
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("line 2: the client \"a\""));
}

}  // namespace
}  // namespace pollbus::broker
