#include "bus/acknowledger.h"

#include "base/logging.h"
#include "base/status.h"

namespace pollbus {
namespace {

// A request may have 512 KiB (https://cloud.google.com/pubsub/quotas#resource_limits); the
// service's ack ids have up to about 200 bytes.
constexpr std::size_t kMaxAckIdsPerCall = 2'000;
constexpr std::size_t kMaxCallsUnderWay = 64;
constexpr int kMaxAckTries = 6;
constexpr std::size_t kMaxFailedCalls = 1'000;
constexpr std::chrono::milliseconds kAckTimeout{10'000};

}  // namespace

struct Acknowledger::Call {
  Kind kind = Kind::kAck;
  std::vector<std::string> ack_ids;
  int deadline_seconds = 0;
  int tries = 0;
  grpc::ClientContext context;
  google::pubsub::v1::AcknowledgeRequest ack;
  google::pubsub::v1::ModifyAckDeadlineRequest modify;
  google::protobuf::Empty response;
};

Acknowledger::~Acknowledger() {
  std::unique_lock lock(mutex_);
  for (const auto& call : under_way_) call->context.TryCancel();
  changed_.wait(lock, [this] { return under_way_.empty(); });
}

void Acknowledger::send(Kind kind, std::vector<std::string> ack_ids, int deadline_seconds,
                        int tries) {
  for (std::size_t begin = 0; begin < ack_ids.size(); begin += kMaxAckIdsPerCall) {
    const std::size_t end = std::min(ack_ids.size(), begin + kMaxAckIdsPerCall);
    auto call = std::make_shared<Call>();
    call->kind = kind;
    call->deadline_seconds = deadline_seconds;
    call->tries = tries + 1;
    call->ack_ids.assign(
        std::make_move_iterator(ack_ids.begin() + static_cast<std::ptrdiff_t>(begin)),
        std::make_move_iterator(ack_ids.begin() + static_cast<std::ptrdiff_t>(end)));
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return under_way_.size() < kMaxCallsUnderWay; });
      under_way_.insert(call);
    }
    start(std::move(call));
  }
}

void Acknowledger::start(std::shared_ptr<Call> call) {
  auto& stub = *connection_->stubs().subscriber->async();
  set_timeout(call->context, kAckTimeout);
  Call& raw = *call;
  auto on_done = [this, call = std::move(call)](const grpc::Status& status) { done(call, status); };
  if (raw.kind == Kind::kAck) {
    raw.ack.set_subscription(subscription_);
    raw.ack.mutable_ack_ids()->Assign(raw.ack_ids.begin(), raw.ack_ids.end());
    stub.Acknowledge(&raw.context, &raw.ack, &raw.response, std::move(on_done));
  } else {
    raw.modify.set_subscription(subscription_);
    raw.modify.set_ack_deadline_seconds(raw.deadline_seconds);
    raw.modify.mutable_ack_ids()->Assign(raw.ack_ids.begin(), raw.ack_ids.end());
    stub.ModifyAckDeadline(&raw.context, &raw.modify, &raw.response, std::move(on_done));
  }
}

void Acknowledger::done(const std::shared_ptr<Call>& call, const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  under_way_.erase(call);
  if (!status.ok()) {
    const absl::Status error = to_absl(status);
    const bool again =
        is_transient(error) && call->tries < kMaxAckTries && failed_.size() < kMaxFailedCalls;
    if (again) {
      failed_.push_back(call);
    } else if (call->kind == Kind::kAck) {
      lost_acks_ += static_cast<std::int64_t>(call->ack_ids.size());
      log_warning(
          "acks lost; their messages will be delivered again",
          {{"subscription", subscription_}, {"messages", call->ack_ids.size()}, {"error", error}});
    }
  }
  changed_.notify_all();
}

void Acknowledger::flush() {
  std::vector<std::shared_ptr<Call>> failed;
  {
    const std::lock_guard lock(mutex_);
    failed.swap(failed_);
  }
  for (const auto& call : failed)
    send(call->kind, std::move(call->ack_ids), call->deadline_seconds, call->tries);
}

bool Acknowledger::wait_idle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline,
                             [this] { return under_way_.empty() && failed_.empty(); });
}

std::int64_t Acknowledger::lost_acks() const {
  const std::lock_guard lock(mutex_);
  return lost_acks_;
}

}  // namespace pollbus
