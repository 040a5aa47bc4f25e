#pragma once

// Inside src/bus only.

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpc/support/time.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "absl/status/status.h"
#include "bus/channel_watch.h"
#include "bus/connection.h"

namespace pollbus {

struct Connection::Stubs {
  ChannelWatch watch;  // first, so that it is destroyed after the channel
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<google::pubsub::v1::Publisher::Stub> publisher;
  std::unique_ptr<google::pubsub::v1::Subscriber::Stub> subscriber;
  // Calls whose messages are read and written by bus/pubsub_codec.h.
  std::unique_ptr<grpc::GenericStub> raw;
};

inline constexpr char kPublishMethod[] = "/google.pubsub.v1.Publisher/Publish";
inline constexpr char kAcknowledgeMethod[] = "/google.pubsub.v1.Subscriber/Acknowledge";
inline constexpr char kModifyAckDeadlineMethod[] = "/google.pubsub.v1.Subscriber/ModifyAckDeadline";
inline constexpr char kStreamingPullMethod[] = "/google.pubsub.v1.Subscriber/StreamingPull";

inline absl::Status to_absl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

inline void set_timeout(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  // Not measured by the wall clock, which may be set.
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                    gpr_time_from_millis(timeout.count(), GPR_TIMESPAN)));
}

}  // namespace pollbus
