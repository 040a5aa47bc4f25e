#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/create_channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/broker_server.h"

namespace pollbus::testing {

// The calls that tests of a broker make, on the generated stubs and with a deadline each.
// Thread-safe.
class BrokerClient {
 public:
  static constexpr std::chrono::seconds kCallDeadline{5};

  explicit BrokerClient(const BrokerServer& server) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
    // Channels of equal arguments share a connection; each client is to have its own.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(server.host_and_port(),
                                                   grpc::InsecureChannelCredentials(), arguments);
    publisher_ = google::pubsub::v1::Publisher::NewStub(channel);
    subscriber_ = google::pubsub::v1::Subscriber::NewStub(channel);
  }

  static std::string topic() {
    return "projects/" + BrokerServer::project() + "/topics/" + BrokerServer::topic();
  }
  static std::string subscription(const std::string& id) {
    return "projects/" + BrokerServer::project() + "/subscriptions/" + id;
  }

  grpc::Status create_subscription(const std::string& id, const std::string& filter) {
    google::pubsub::v1::Subscription request;
    google::pubsub::v1::Subscription response;
    request.set_name(subscription(id));
    request.set_topic(topic());
    request.set_filter(filter);
    Context context;
    return subscriber_->CreateSubscription(&context, request, &response);
  }
  // Sends as one publish; all of them have the attribute machineID.
  grpc::Status publish(const std::vector<std::string>& data, const std::string& machine) {
    google::pubsub::v1::PublishRequest request;
    google::pubsub::v1::PublishResponse response;
    request.set_topic(topic());
    for (const std::string& one : data) {
      auto* message = request.add_messages();
      message->set_data(one);
      (*message->mutable_attributes())["machineID"] = machine;
    }
    Context context;
    return publisher_->Publish(&context, request, &response);
  }
  grpc::Status pull(const std::string& id, google::pubsub::v1::PullResponse* response) {
    google::pubsub::v1::PullRequest request;
    request.set_subscription(subscription(id));
    request.set_max_messages(1'000);
    Context context;
    return subscriber_->Pull(&context, request, response);
  }
  grpc::Status ack(const std::string& id, const google::pubsub::v1::PullResponse& pulled) {
    google::pubsub::v1::AcknowledgeRequest request;
    google::protobuf::Empty response;
    request.set_subscription(subscription(id));
    for (const auto& received : pulled.received_messages()) request.add_ack_ids(received.ack_id());
    Context context;
    return subscriber_->Acknowledge(&context, request, &response);
  }

 private:
  struct Context : grpc::ClientContext {
    Context() {
      set_deadline(std::chrono::system_clock::now() + kCallDeadline);
      // While the broker is away, a call waits for it rather than failing at once.
      set_wait_for_ready(true);
    }
  };

  std::unique_ptr<google::pubsub::v1::Publisher::Stub> publisher_;
  std::unique_ptr<google::pubsub::v1::Subscriber::Stub> subscriber_;
};

}  // namespace pollbus::testing
