#pragma once

// Inside src/bus only.

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "absl/status/status.h"
#include "bus/connection.h"

namespace pollbus {

struct Connection::Stubs {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<google::pubsub::v1::Publisher::Stub> publisher;
  std::unique_ptr<google::pubsub::v1::Subscriber::Stub> subscriber;
};

inline absl::Status to_absl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

inline void set_timeout(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

}  // namespace pollbus
