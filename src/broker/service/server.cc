#include "broker/service/server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/status.h"
#include "broker/rest/rest_server.h"
#include "broker/service/access.h"
#include "broker/service/broker.h"
#include "broker/service/broker_metrics.h"
#include "broker/service/decompression_limit.h"
#include "broker/service/developer_page.h"
#include "broker/service/iam_service.h"
#include "broker/service/listener.h"
#include "broker/service/publisher_service.h"
#include "broker/service/push_delivery.h"
#include "broker/service/request_check.h"
#include "broker/service/schema_service.h"
#include "broker/service/subscriber_service.h"
#include "broker/service/subscription_metrics.h"
#include "broker/store/store.h"

namespace pollbus::broker {
namespace {

// A publish has up to 10 MB. No request of the official clients is larger than that.
constexpr int kMaxRequestBytes = 20 << 20;
// The size to which a compressed request may grow. A client could otherwise make the broker use
// much memory with a request of a few kilobytes.
constexpr std::size_t kMaxDecompressedBytes = 11 << 20;
// Headers of one request. The official clients send some 500 bytes.
constexpr int kMaxMetadataBytes = 64 << 10;
// Calls that one connection has open at a time. The official clients share a connection among up to
// some hundred streams.
constexpr int kMaxStreamsPerConnection = 1'000;
// What all connections and calls may take. Above it, gRPC ends calls and closes connections.
constexpr std::size_t kMaxTransportBytes = 256 << 20;
// How long a new connection may take to begin to speak HTTP/2.
constexpr int kHandshakeTimeout_ms = 20'000;
constexpr std::chrono::milliseconds kShutdownGrace{2'000};
// When their streams end, clients ack the messages that they still hold with calls of their own.
// The official clients collect these acks for 100 ms. Calls that arrive after gRPC has begun to
// shut down would be CANCELLED, and clients do not repeat those.
constexpr std::chrono::milliseconds kLastAcks{300};
// After the sum of both, a client that vanished is noticed, and its messages are delivered to
// others.
constexpr int kKeepaliveTime_ms = 10'000;
constexpr int kKeepaliveTimeout_ms = 5'000;
// Bodies of messages that are held in memory although they are on disk.
constexpr std::size_t kMaxCachedBytes = 64 << 20;

void set_limits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxRequestBytes);
  limit_decompression(kMaxDecompressedBytes);
  builder->SetMaxSendMessageSize(-1);  // bounded by kMaxResponseBytes and the largest message
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeout_ms);
  grpc::ResourceQuota quota("pubsub-broker");
  quota.Resize(kMaxTransportBytes);
  builder->SetResourceQuota(quota);
  // Clients may ping as often as they like, also without calls: no GOAWAY "too_many_pings".
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

// Leaves out server reflection, which gRPC adds to every server of a process that is linked with
// it.
class NoReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins, [](const auto& plugin) {
      return dynamic_cast<grpc::reflection::ProtoServerReflectionPlugin*>(plugin.get()) != nullptr;
    });
  }
};

// The answers of grpc.health.v1. While the disk refuses writes, the broker as a whole and its
// Publisher are NOT_SERVING, but the Subscriber still delivers what is stored. Thread-safe.
class Health {
 public:
  void open(grpc::HealthCheckServiceInterface* service) {
    const std::lock_guard lock(mutex_);
    service_ = service;
    service_->SetServingStatus(google::pubsub::v1::Subscriber::service_full_name(), true);
    tell();
  }
  void storage(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    can_store_ = status.ok();
    tell();
  }
  // Everything is NOT_SERVING from here on.
  void close() {
    const std::lock_guard lock(mutex_);
    if (service_ != nullptr) service_->Shutdown();
    service_ = nullptr;
  }

 private:
  void tell() {
    if (service_ == nullptr) return;
    service_->SetServingStatus("", can_store_);
    service_->SetServingStatus(google::pubsub::v1::Publisher::service_full_name(), can_store_);
  }

  std::mutex mutex_;
  grpc::HealthCheckServiceInterface* service_ = nullptr;
  bool can_store_ = true;
};

}  // namespace

struct Server::Parts {
  Parts(const ServerOptions& options, std::optional<ClientTable> clients,
        std::unique_ptr<Store> opened, Clock& clock, prometheus::Registry& registry)
      : metrics(registry),
        access(std::move(clients), clock, registry),
        store(std::move(opened)),
        broker(core_options(options), clock, &metrics, {store.get(), on_storage(options)}),
        subscription_metrics(broker),
        iam(broker, access),
        publisher(broker, metrics, schema_registry, iam, access),
        push(broker, options.push),
        subscriber(broker, push, iam, access),
        schemas(broker, schema_registry, iam, access),
        is_encrypted(!options.tls.certificate.empty()) {
    broker.on_expiry([this](const std::string& name) { iam.forget(name); });
    // The analyzer does not see that std::function frees what it holds.
  }  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
  ~Parts() {
    broker.on_expiry([](const std::string& /*name*/) {});
  }

  static CoreOptions core_options(const ServerOptions& options) {
    CoreOptions core = options.core;
    if (!options.data_folder.empty()) core.max_cached_bytes = kMaxCachedBytes;
    return core;
  }

  std::function<void(const absl::Status&)> on_storage(const ServerOptions& options) {
    return [this, tell = options.on_storage](const absl::Status& status) {
      health.storage(status);
      tell(status);
    };
  }

  BrokerMetrics metrics;
  Access access;
  Health health;
  std::unique_ptr<Store> store;
  Broker broker;
  SubscriptionMetrics subscription_metrics;
  SchemaRegistry schema_registry;
  IamService iam;
  PublisherService publisher;
  PushDelivery push;
  SubscriberService subscriber;
  SchemaService schemas;
  const bool is_encrypted;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<grpc::Server> grpc;
  std::shared_ptr<grpc::Channel> channel;
  std::optional<DeveloperPage> page;
  std::unique_ptr<RestServer> rest;
  std::unique_ptr<Listener> listener;
};

absl::StatusOr<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Clock& clock,
                                                      prometheus::Registry& metrics) {
  ASSIGN_OR_RETURN(const auto credentials, server_credentials(options.tls));
  ASSIGN_OR_RETURN(auto certificates, rest_tls(options.tls));
  std::optional<ClientTable> clients;
  if (!options.clients.empty()) {
    ASSIGN_OR_RETURN(clients, ClientTable::read(options.clients));
  }
  ASSIGN_OR_RETURN(
      auto rest,
      RestServer::create({.services = {google::pubsub::v1::Publisher::service_full_name(),
                                       google::pubsub::v1::Subscriber::service_full_name(),
                                       google::pubsub::v1::SchemaService::service_full_name(),
                                       google::iam::v1::IAMPolicy::service_full_name()},
                          .tls = std::move(certificates)},
                         metrics));
  std::unique_ptr<Store> store;
  if (!options.data_folder.empty()) {
    ASSIGN_OR_RETURN(store, Store::open({.folder = options.data_folder}));
  }
  auto parts =
      std::make_unique<Parts>(options, std::move(clients), std::move(store), clock, metrics);
  RETURN_IF_ERROR(parts->broker.restore());
  parts->broker.with_core([&](const Core& core) {
    parts->schema_registry.load(core);
    return true;
  });
  parts->push.start();
  const auto cannot_listen = [&options](const std::string& why) {
    return absl::UnavailableError(
        fmt::format("Pub/Sub: cannot listen on {}:{}: {}", options.host, options.port, why));
  };
  auto listener = Listener::open(options.host, options.port, metrics);
  if (!listener.ok()) return cannot_listen(std::string(listener.status().message()));
  parts->listener = *std::move(listener);
  std::optional<RestPages> pages;
  if (options.has_page) {
    if (!parts->listener->is_loopback() || parts->is_encrypted) {
      return absl::InvalidArgumentError(
          "The page for developers is served without TLS and on loopback addresses only.");
    }
    pages = parts->page.emplace(parts->broker, parts->listener->port()).pages();
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  set_limits(&builder);
  if (!options.has_reflection) builder.SetOption(std::make_unique<NoReflection>());
  parts->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  builder.experimental().SetInterceptorCreators(request_check_interceptors());
  builder.RegisterService(&parts->publisher);
  builder.RegisterService(&parts->subscriber);
  builder.RegisterService(&parts->iam);
  builder.RegisterService(&parts->schemas);
  parts->grpc = builder.BuildAndStart();
  if (parts->grpc == nullptr) return cannot_listen("gRPC does not start");
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  parts->channel = parts->grpc->InProcessChannel(arguments);
  parts->health.open(parts->grpc->GetHealthCheckService());
  if (!parts->is_encrypted && !parts->listener->is_loopback()) {
    log_warning(
        "the API is served in plain text beyond this machine: whoever reaches the port can "
        "read and publish messages",
        {{"host", options.host}});
  }
  parts->rest = std::move(rest);
  parts->rest->start(
      parts->channel,
      [access = &parts->access](std::span<const std::string> names, grpc::ClientContext* context) {
        access->add_client_as_caller(names, context);
      },
      [acceptor = parts->acceptor.get(), listener = parts->listener.get()](int descriptor) {
        listener->guard(descriptor);
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
        connection.fd = descriptor;
        acceptor->HandleNewConnection(&connection);
      },
      std::move(pages));
  parts->listener->start(parts->is_encrypted, [rest_server = parts->rest.get()](int descriptor) {
    rest_server->accept(descriptor);
  });
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { shut_down(); }

int Server::port() const { return parts_->listener->port(); }

absl::Status Server::probe() const { return parts_->listener->probe(!parts_->is_encrypted); }

const prometheus::Collectable& Server::subscription_metrics() const {
  return parts_->subscription_metrics;
}

std::shared_ptr<grpc::Channel> Server::channel() const { return parts_->channel; }

void Server::identify(grpc::ClientContext* context) const {
  parts_->access.add_broker_as_caller(context);
}

void Server::shut_down() {
  parts_->health.close();
  parts_->push.stop();
  if (parts_->broker.shut_down() > 0) std::this_thread::sleep_for(kLastAcks);
  parts_->listener->stop();
  const auto deadline = std::chrono::system_clock::now() + kShutdownGrace;
  parts_->rest->drain(kShutdownGrace);
  parts_->grpc->Shutdown(deadline);
  parts_->grpc->Wait();
  parts_->rest->stop();
}

}  // namespace pollbus::broker
