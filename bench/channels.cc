#include "channels.h"

#include <grpcpp/create_channel.h>

namespace pollbus::bench {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;
constexpr int kAckDeadline_s = 60;
constexpr int kMaxOutstandingMessages = 100'000;

}  // namespace

Receiver::Receiver(google::pubsub::v1::Subscriber::Stub& stub, const std::string& subscription,
                   Tally& tally)
    : tally_(tally) {
  stub.async()->StreamingPull(&context_, this);
  writing_.set_subscription(subscription);
  writing_.set_stream_ack_deadline_seconds(kAckDeadline_s);
  writing_.set_max_outstanding_messages(kMaxOutstandingMessages);
  StartWrite(&writing_);
  StartRead(&response_);
  // Until OnDone, a finished read may start a write, and a finished write a read.
  AddHold();
  StartCall();
}

Receiver::~Receiver() {
  context_.TryCancel();
  RemoveHold();
  std::unique_lock lock(mutex_);
  over_.wait(lock, [this] { return is_over_; });
}

void Receiver::OnReadDone(bool ok) {
  if (!ok) return;
  if (const int count = response_.received_messages_size(); count > 0) {
    LatencyHistogram latencies;
    {
      const std::lock_guard lock(mutex_);
      for (auto& received : *response_.mutable_received_messages()) {
        latencies.record(age_of(received.message().data()));
        next_.add_ack_ids(std::move(*received.mutable_ack_id()));
      }
      write_acks();
    }
    tally_.received(count, latencies);
  }
  response_.Clear();
  StartRead(&response_);
}

void Receiver::OnWriteDone(bool ok) {
  if (!ok) return;
  const std::lock_guard lock(mutex_);
  is_writing_ = false;
  write_acks();
}

void Receiver::write_acks() {
  if (is_writing_ || next_.ack_ids().empty()) return;
  is_writing_ = true;
  writing_.Clear();
  writing_.Swap(&next_);
  StartWrite(&writing_);
}

void Receiver::OnDone(const grpc::Status& /*status*/) {
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  over_.notify_all();
}

std::shared_ptr<grpc::Channel> connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace pollbus::bench
