#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <prometheus/text_serializer.h>

#include <future>

#include "broker/service/service_test_client.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using ::testing::HasSubstr;
using ::testing::Not;
using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

const std::string kSubmitted = "projects/p/subscriptions/election-submit-sub";

class OperationTest : public ServiceTest {
 protected:
  // Sends one message, closes the sending side, and reads one message.
  grpc::Status call(const std::string& method, const std::string& request, std::string* response) {
    grpc::GenericStub stub(channel(grpc::InsecureChannelCredentials()));
    TestContext context;
    const grpc::Slice slice(request);
    grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, {}, &sent, &received,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    grpc::Status status = done.get_future().get();
    grpc::Slice answer;
    if (status.ok() && received.DumpToSingleSlice(&answer).ok()) {
      response->assign(reinterpret_cast<const char*>(answer.begin()), answer.size());
    }
    return status;
  }
  std::shared_ptr<grpc::Channel> channel(const Credentials& credentials) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server->port()), credentials,
                                     arguments);
  }
  std::string metrics() const {
    return prometheus::TextSerializer().Serialize(server->subscription_metrics().Collect());
  }
};

TEST_F(OperationTest, MetricsCountWhatEachSubscriptionDoes) {
  ASSERT_TRUE(create_topic(kTopic).ok());
  ASSERT_TRUE(create_subscription(kSubmitted, kTopic).ok());
  ASSERT_TRUE(
      create_subscription("projects/p/subscriptions/idle", kTopic, "NOT attributes:x").ok());
  ASSERT_TRUE(publish(kTopic, 3).ok());
  api::PullResponse response;
  ASSERT_TRUE(pull(kSubmitted, 2, &response).ok());
  ASSERT_EQ(response.received_messages_size(), 2);
  ASSERT_TRUE(acknowledge(kSubmitted, {response.received_messages(0).ack_id()}).ok());
  const std::string of_it = "{subscription=\"" + kSubmitted + "\"} ";
  const std::string text = metrics();
  EXPECT_THAT(text, HasSubstr("broker_subscription_matched_total" + of_it + "3\n"));
  EXPECT_THAT(text, HasSubstr("broker_subscription_delivered_total" + of_it + "2\n"));
  EXPECT_THAT(text, HasSubstr("broker_subscription_acked_total" + of_it + "1\n"));
  EXPECT_THAT(text, HasSubstr("broker_subscription_backlog_messages" + of_it + "2\n"));
  EXPECT_THAT(text, HasSubstr("broker_subscription_leased_messages" + of_it + "1\n"));
  EXPECT_THAT(text, HasSubstr("broker_subscription_oldest_unacked_age_seconds" + of_it));
  EXPECT_THAT(text,
              Not(HasSubstr("broker_subscription_oldest_unacked_age_seconds" + of_it + "0\n")));
  EXPECT_THAT(text, HasSubstr("broker_scanned_conjunctions 1\n"));
  ASSERT_TRUE(delete_subscription(kSubmitted).ok());
  EXPECT_THAT(metrics(), Not(HasSubstr(kSubmitted)));
}

TEST_F(OperationTest, MetricsListEverySubscriptionOnce) {
  constexpr int kMany = 600;
  ASSERT_TRUE(create_topic(kTopic).ok());
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(create_subscription(kSubmitted + std::to_string(i), kTopic).ok());
  }
  for (const auto& family : server->subscription_metrics().Collect()) {
    if (family.name.find("_subscription_") == std::string::npos) continue;
    std::set<std::string> names;
    for (const auto& metric : family.metric) names.insert(metric.label.at(0).value);
    EXPECT_EQ(names.size(), kMany) << family.name;
    EXPECT_EQ(family.metric.size(), kMany) << family.name;
  }
}

TEST_F(OperationTest, HealthChecksAreAnswered) {
  const std::string serving = "\x08\x01";
  std::string answer;
  ASSERT_TRUE(call("/grpc.health.v1.Health/Check", "", &answer).ok());
  EXPECT_EQ(answer, serving);
  const std::string publisher_service = "google.pubsub.v1.Publisher";
  ASSERT_TRUE(
      call("/grpc.health.v1.Health/Check",
           "\x0a" + std::string(1, static_cast<char>(publisher_service.size())) + publisher_service,
           &answer)
          .ok());
  EXPECT_EQ(answer, serving);
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", "\x0a\x01x", &answer).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(OperationTest, ReflectionListsTheServicesIfItIsOn) {
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  const std::string list_services = "\x3a\x01*";
  std::string answer;
  EXPECT_EQ(call(method, list_services, &answer).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  has_reflection = true;
  start({});
  ASSERT_TRUE(call(method, list_services, &answer).ok());
  EXPECT_THAT(answer, HasSubstr("google.pubsub.v1.Publisher"));
  EXPECT_THAT(answer, HasSubstr("google.pubsub.v1.Subscriber"));
}

class TlsTest : public OperationTest {
 protected:
  void SetUp() override {}

  absl::Status start_with(const TlsFiles& files) {
    auto started = Server::start({.tls = files}, system_clock(), registry_);
    if (started.ok()) server = std::move(*started);
    return started.status();
  }
  grpc::StatusCode create_topic_with(const Credentials& credentials) {
    const auto stub = api::Publisher::NewStub(channel(credentials));
    TestContext context;
    api::Topic request;
    api::Topic response;
    request.set_name(kTopic);
    return stub->CreateTopic(&context, request, &response).error_code();
  }
  Credentials client(bool has_certificate) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = certificates.read(certificates.authority());
    if (has_certificate) {
      options.pem_cert_chain = certificates.read(certificates.certificate());
      options.pem_private_key = certificates.read(certificates.key());
    }
    return grpc::SslCredentials(options);
  }

  testing::TemporaryFolder folder;
  testing::Certificates certificates{folder.path()};

 private:
  prometheus::Registry registry_;
};

TEST_F(TlsTest, WithACertificateOnlyEncryptedClientsAreServed) {
  ASSERT_TRUE(
      start_with({.certificate = certificates.certificate(), .key = certificates.key()}).ok());
  EXPECT_EQ(create_topic_with(grpc::InsecureChannelCredentials()), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(create_topic_with(client(false)), grpc::StatusCode::OK);
}

TEST_F(TlsTest, WithAClientAuthorityOnlyClientsWithItsCertificatesAreServed) {
  ASSERT_TRUE(start_with({.certificate = certificates.certificate(),
                          .key = certificates.key(),
                          .client_ca = certificates.authority()})
                  .ok());
  EXPECT_EQ(create_topic_with(client(false)), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(create_topic_with(client(true)), grpc::StatusCode::OK);
}

TEST_F(TlsTest, AFileWithTheWrongContentIsNamedInTheError) {
  const auto missing = folder / "missing.pem";
  const absl::Status unread = start_with({.certificate = missing, .key = certificates.key()});
  EXPECT_TRUE(absl::IsInvalidArgument(unread)) << unread;
  EXPECT_THAT(std::string(unread.message()), HasSubstr(missing.string()));
  const absl::Status swapped =
      start_with({.certificate = certificates.key(), .key = certificates.certificate()});
  EXPECT_TRUE(absl::IsInvalidArgument(swapped)) << swapped;
  EXPECT_THAT(std::string(swapped.message()), HasSubstr(certificates.key().string()));
  const absl::Status no_pair =
      start_with({.certificate = certificates.certificate(), .key = folder / "authority.key"});
  EXPECT_TRUE(absl::IsInvalidArgument(no_pair)) << no_pair;
  EXPECT_THAT(std::string(no_pair.message()), HasSubstr("authority.key"));
}

}  // namespace
}  // namespace pollbus::broker
