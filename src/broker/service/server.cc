#include "broker/service/server.h"

#include <fmt/format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "broker/service/broker.h"
#include "broker/service/broker_metrics.h"
#include "broker/service/publisher_service.h"
#include "broker/service/subscriber_service.h"

namespace pollbus::broker {
namespace {

// A publish has 10 MB, and a batch of acks may be large too.
constexpr int kMaxMessageBytes = 64 << 20;
constexpr int kMaxMetadataBytes = 64 << 10;
constexpr std::chrono::milliseconds kShutdownGrace_ms{500};

void set_limits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder->SetMaxSendMessageSize(kMaxMessageBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // Two brokers on one port would each get half of the calls.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients ping as often as they like, with calls or without: no GOAWAY "too_many_pings".
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

}  // namespace

struct Server::Parts {
  Parts(const ServerOptions& options, Clock& clock, prometheus::Registry& registry)
      : metrics(registry),
        broker(options.core, clock, &metrics),
        publisher(broker, metrics),
        subscriber(broker) {}

  BrokerMetrics metrics;
  Broker broker;
  PublisherService publisher;
  SubscriberService subscriber;
  int port = 0;
  std::unique_ptr<grpc::Server> grpc;
};

absl::StatusOr<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Clock& clock,
                                                      prometheus::Registry& metrics) {
  auto parts = std::make_unique<Parts>(options, clock, metrics);
  const std::string address = fmt::format("{}:{}", options.host, options.port);
  grpc::ServerBuilder builder;
  set_limits(&builder);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &parts->port);
  builder.RegisterService(&parts->publisher);
  builder.RegisterService(&parts->subscriber);
  parts->grpc = builder.BuildAndStart();
  if (parts->grpc == nullptr || parts->port == 0) {
    return absl::UnavailableError(fmt::format("Pub/Sub: cannot listen on {}", address));
  }
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { shut_down(); }

int Server::port() const { return parts_->port; }

absl::Status Server::ensure_topic(const std::string& name) {
  return broker::ensure_topic(parts_->broker, name);
}

void Server::shut_down() {
  parts_->broker.shut_down();
  parts_->grpc->Shutdown(std::chrono::system_clock::now() + kShutdownGrace_ms);
  parts_->grpc->Wait();
}

}  // namespace pollbus::broker
