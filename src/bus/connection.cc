#include "bus/connection.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "base/logging.h"
#include "base/pem.h"
#include "base/status.h"
#include "bus/stubs.h"

namespace pollbus {
namespace {

constexpr char kCloudEndpoint[] = "pubsub.googleapis.com:443";
constexpr char kCredentialsVariable[] = "GOOGLE_APPLICATION_CREDENTIALS";
// A message is at most 10 MB; a pull response holds several.
constexpr int kMaxGrpcMessageBytes = 16 * 1024 * 1024;
// Pauses between gRPC's connection attempts; its default is up to two minutes.
constexpr int kMinReconnectMs = 100;
constexpr int kMaxReconnectMs = 2'000;
// Finds a peer that vanished silently (a network partition, a host without power): after this long
// without traffic gRPC sends a ping, and gives up the connection if no answer comes. Google Pub/Sub
// is pinged less often, because it closes connections that ping too much.
constexpr int kEmulatorPingMs = 5'000;
constexpr int kCloudPingMs = 60'000;
constexpr int kPingTimeoutMs = 5'000;
// gRPC works on a connection attempt only while a thread waits in a call, but calls fail at once
// while the channel is not connected. So a call first waits this long for the attempt to succeed.
constexpr std::chrono::milliseconds kConnectTime{300};
// A batch of votes is some 100 KB. With these it travels in few frames and reads, and does not wait
// for window updates (https://grpc.github.io/grpc/core/group__grpc__arg__keys.html).
constexpr int kMaxFrameBytes = 1024 * 1024;
constexpr int kStreamWindowBytes = 4 * 1024 * 1024;
constexpr int kMinReadBytes = 64 * 1024;

grpc::ChannelArguments channel_arguments(const BusConfig& config) {
  const bool is_emulator = config.is_emulator();
  grpc::ChannelArguments arguments;
  if (!config.server_name.empty()) arguments.SetSslTargetNameOverride(config.server_name);
  arguments.SetMaxReceiveMessageSize(kMaxGrpcMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxGrpcMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMinReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, is_emulator ? kEmulatorPingMs : kCloudPingMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  // A call that waits for its answer sends nothing, and must notice a dead peer, too.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
  arguments.SetInt(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, kMinReadBytes);
  if (is_emulator) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> emulator_credentials(
    const BusConfig& config) {
  if (config.ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(config.ca_file, "CERTIFICATE"));
  if (!config.certificate_file.empty()) {
    ASSIGN_OR_RETURN(PemPair pair, read_pem_pair(config.certificate_file, config.key_file));
    options.pem_cert_chain = std::move(pair.certificate);
    options.pem_private_key = std::move(pair.key);
  }
  return grpc::SslCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> cloud_credentials() {
  auto credentials = grpc::GoogleDefaultCredentials();
  if (credentials != nullptr) return credentials;
  if (const char* key_file = std::getenv(kCredentialsVariable); key_file != nullptr) {
    return absl::FailedPreconditionError(fmt::format(
        "{} names {}, which cannot be read or is no key file", kCredentialsVariable, key_file));
  }
  return absl::FailedPreconditionError(
      "no Google Cloud credentials: set GOOGLE_APPLICATION_CREDENTIALS to a key file, run "
      "where a service account "
      "is attached, or set PUBSUB_EMULATOR_HOST for a local bus");
}

// Without this, gRPC writes to standard error in its own format.
void log_for_grpc(gpr_log_func_args* line) {
  log(line->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarning : LogLevel::kDebug, "grpc",
      {{"message", line->message}});
}

}  // namespace

void BusConfig::add_to(Settings& settings) {
  settings.text({"project", "GCP_PROJECT", "PROJECT",
                 "The Google Cloud project that topic and subscriptions belong to"},
                &project, check_not_empty);
  settings.text({"emulator-host", "PUBSUB_EMULATOR_HOST", "HOST:PORT",
                 "pubsub-broker or Google's emulator there, in plain text unless PUBSUB_CA_FILE is "
                 "set; without it, TLS to Google Cloud Pub/Sub"},
                &emulator_host, check_host_and_port);
  settings.text({"pubsub-ca", "PUBSUB_CA_FILE", "FILE",
                 "PEM file with the authority of pubsub-broker's certificate: connect over TLS"},
                &ca_file, check_not_empty);
  settings.text({"pubsub-cert", "PUBSUB_CERT_FILE", "FILE",
                 "PEM file with this program's certificate, which pubsub-broker may require"},
                &certificate_file, check_not_empty);
  settings.text({"pubsub-key", "PUBSUB_KEY_FILE", "FILE", "PEM file with its private key"},
                &key_file, check_not_empty);
  settings.text({"pubsub-server-name", "PUBSUB_SERVER_NAME", "NAME",
                 "Name in pubsub-broker's certificate, if it is not the host"},
                &server_name, check_not_empty);
  // Google's library reads the variable itself. A flag would have to change the environment, which
  // is not safe once threads run.
  settings.text({"", "GOOGLE_APPLICATION_CREDENTIALS", "FILE",
                 "Key file for Google Cloud; without it, Application Default Credentials"},
                &credentials_file, check_not_empty);
  settings.rule([this]() -> std::optional<std::string> {
    if (!project.empty()) return std::nullopt;
    return "GCP_PROJECT: expected the project of topic and subscriptions (any name with "
           "pubsub-broker)";
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (certificate_file.empty() == key_file.empty()) return std::nullopt;
    return "PUBSUB_CERT_FILE and PUBSUB_KEY_FILE: expected both or none";
  });
  settings.rule([this]() -> std::optional<std::string> {
    const bool uses_tls = !ca_file.empty();
    if (uses_tls && !is_emulator())
      return "PUBSUB_CA_FILE: expected PUBSUB_EMULATOR_HOST too; Google Cloud needs no such file";
    if (uses_tls || (certificate_file.empty() && server_name.empty())) return std::nullopt;
    return "PUBSUB_CERT_FILE, PUBSUB_SERVER_NAME: expected PUBSUB_CA_FILE too";
  });
}

std::string BusConfig::topic_path(const std::string& topic) const {
  return fmt::format("projects/{}/topics/{}", project, topic);
}

std::string BusConfig::subscription_path(const std::string& subscription) const {
  return fmt::format("projects/{}/subscriptions/{}", project, subscription);
}

Connection::Connection(std::unique_ptr<Stubs> stubs) : stubs_(std::move(stubs)) {}
Connection::~Connection() = default;

void Connection::connect_again() {
  grpc::experimental::ChannelResetConnectionBackoff(stubs_->channel.get());
}

Connection::Stubs& Connection::stubs() {
  grpc::Channel& channel = *stubs_->channel;
  if (channel.GetState(/*try_to_connect=*/true) != GRPC_CHANNEL_READY)
    stubs_->watch.wait_until_ready(channel, kConnectTime);
  return *stubs_;
}

absl::StatusOr<std::shared_ptr<Connection>> Connection::open(const BusConfig& config) {
  gpr_set_log_function(log_for_grpc);
  auto stubs = std::make_unique<Stubs>();
  ASSIGN_OR_RETURN(const auto credentials,
                   config.is_emulator() ? emulator_credentials(config) : cloud_credentials());
  stubs->channel =
      grpc::CreateCustomChannel(config.is_emulator() ? config.emulator_host : kCloudEndpoint,
                                credentials, channel_arguments(config));
  stubs->publisher = google::pubsub::v1::Publisher::NewStub(stubs->channel);
  stubs->subscriber = google::pubsub::v1::Subscriber::NewStub(stubs->channel);
  stubs->raw = std::make_unique<grpc::GenericStub>(stubs->channel);
  return std::shared_ptr<Connection>(new Connection(std::move(stubs)));
}

}  // namespace pollbus
