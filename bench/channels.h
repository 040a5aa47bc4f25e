#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "load.h"

namespace pollbus::bench {

// The stream of one subscription: receives messages, acks them on the stream, and measures their
// age. cancel() ends it.
class Receiver final : public grpc::ClientBidiReactor<google::pubsub::v1::StreamingPullRequest,
                                                      google::pubsub::v1::StreamingPullResponse> {
 public:
  Receiver(google::pubsub::v1::Subscriber::Stub& stub, const std::string& subscription,
           Tally& tally);
  // Returns when the stream has ended.
  ~Receiver() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void write_acks();

  Tally& tally_;
  grpc::ClientContext context_;
  google::pubsub::v1::StreamingPullResponse response_;
  std::mutex mutex_;
  std::condition_variable over_;
  google::pubsub::v1::StreamingPullRequest writing_;
  google::pubsub::v1::StreamingPullRequest next_;  // collects acks while a write is running
  bool is_writing_ = true;
  bool is_over_ = false;
};

std::shared_ptr<grpc::Channel> connect(const std::string& target);

}  // namespace pollbus::bench
