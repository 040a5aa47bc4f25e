#include "broker/service/server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "base/status.h"
#include "broker/service/broker.h"
#include "broker/service/broker_metrics.h"
#include "broker/service/iam_service.h"
#include "broker/service/publisher_service.h"
#include "broker/service/push_delivery.h"
#include "broker/service/schema_service.h"
#include "broker/service/subscriber_service.h"
#include "broker/service/subscription_metrics.h"
#include "broker/store/store.h"

namespace pollbus::broker {
namespace {

// A publish has 10 MB, and a batch of acks may be large too.
constexpr int kMaxMessageBytes = 64 << 20;
constexpr int kMaxMetadataBytes = 64 << 10;
constexpr std::chrono::milliseconds kShutdownGrace_ms{2'000};
// What clients have in hand when their streams end they ack by calls of their own, which the
// official ones collect for 100 ms. Calls that come after the server has begun to go are CANCELLED,
// which none of them repeats.
constexpr std::chrono::milliseconds kLastAcks_ms{300};
// A client that vanished without a word is found after both, and what it held is free.
constexpr int kKeepaliveTime_ms = 10'000;
constexpr int kKeepaliveTimeout_ms = 5'000;
// Of messages that are on disk too.
constexpr std::size_t kMaxCachedBytes = 64 << 20;

void set_limits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder->SetMaxSendMessageSize(kMaxMessageBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // Two brokers on one port would each get half of the calls.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients ping as often as they like, with calls or without: no GOAWAY "too_many_pings".
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

// What grpc.health.v1 answers, once there is a server. Without storage the broker as a whole and
// its Publisher are not serving: what is there is still delivered. Thread-safe.
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
  // Nothing is serving from here on.
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
  Parts(const ServerOptions& options, std::unique_ptr<Store> opened, Clock& clock,
        prometheus::Registry& registry)
      : metrics(registry),
        store(std::move(opened)),
        broker(core_options(options), clock, &metrics, {store.get(), on_storage(options)}),
        subscription_metrics(broker),
        publisher(broker, metrics),
        push(broker, options.push),
        subscriber(broker, push),
        iam(broker) {}

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
  Health health;
  std::unique_ptr<Store> store;
  Broker broker;
  SubscriptionMetrics subscription_metrics;
  PublisherService publisher;
  PushDelivery push;
  SubscriberService subscriber;
  IamService iam;
  SchemaService schemas;
  int port = 0;
  std::unique_ptr<grpc::Server> grpc;
};

absl::StatusOr<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Clock& clock,
                                                      prometheus::Registry& metrics) {
  ASSIGN_OR_RETURN(const auto credentials, server_credentials(options.tls));
  std::unique_ptr<Store> store;
  if (!options.data_folder.empty()) {
    ASSIGN_OR_RETURN(store, Store::open({.folder = options.data_folder}));
  }
  auto parts = std::make_unique<Parts>(options, std::move(store), clock, metrics);
  RETURN_IF_ERROR(parts->broker.restore());
  parts->push.start();
  const std::string address = fmt::format("{}:{}", options.host, options.port);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  set_limits(&builder);
  builder.AddListeningPort(address, credentials, &parts->port);
  builder.RegisterService(&parts->publisher);
  builder.RegisterService(&parts->subscriber);
  builder.RegisterService(&parts->iam);
  builder.RegisterService(&parts->schemas);
  parts->grpc = builder.BuildAndStart();
  if (parts->grpc == nullptr || parts->port == 0) {
    return absl::UnavailableError(fmt::format(
        "Pub/Sub: cannot listen on {}{}", address,
        options.tls.certificate.empty() ? "" : ", or the certificate and its key are no pair"));
  }
  parts->health.open(parts->grpc->GetHealthCheckService());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { shut_down(); }

int Server::port() const { return parts_->port; }

const prometheus::Collectable& Server::subscription_metrics() const {
  return parts_->subscription_metrics;
}

absl::Status Server::ensure_topic(const std::string& name) {
  return broker::ensure_topic(parts_->broker, name);
}

void Server::shut_down() {
  parts_->health.close();
  parts_->push.stop();
  if (parts_->broker.shut_down() > 0) std::this_thread::sleep_for(kLastAcks_ms);
  parts_->grpc->Shutdown(std::chrono::system_clock::now() + kShutdownGrace_ms);
  parts_->grpc->Wait();
}

}  // namespace pollbus::broker
