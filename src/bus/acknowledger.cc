#include "bus/acknowledger.h"

#include <algorithm>

#include "base/logging.h"
#include "base/status.h"
#include "bus/pubsub_codec.h"

namespace pollbus {
namespace {

// A request may have 512 KiB (https://cloud.google.com/pubsub/quotas#resource_limits), and an ack
// id of Google's service has up to about 200 bytes.
constexpr std::size_t kMaxAckIdsPerCall = 2'000;
constexpr std::size_t kMaxCallsInProgress = 64;
constexpr int kMaxAckTries = 6;
constexpr std::size_t kMaxFailedCalls = 1'000;
constexpr std::chrono::milliseconds kAckTimeout{10'000};

}  // namespace

struct Acknowledger::Call {
  Request request;
  grpc::ClientContext context;
  grpc::ByteBuffer response;
};

Acknowledger::Acknowledger(std::shared_ptr<Connection> connection, std::string subscription)
    : connection_(std::move(connection)), subscription_(std::move(subscription)) {}

Acknowledger::~Acknowledger() {
  std::unique_lock lock(mutex_);
  for (const auto& [call, owned] : in_progress_) call->context.TryCancel();
  changed_.wait(lock, [this] { return in_progress_.empty(); });
}

void Acknowledger::send(std::span<const std::string_view> ack_ids,
                        std::optional<int> deadline_seconds) {
  while (!ack_ids.empty()) {
    const auto part = ack_ids.first(std::min(ack_ids.size(), kMaxAckIdsPerCall));
    start({.is_ack = !deadline_seconds,
           .bytes = write_ack_request(subscription_, part, deadline_seconds),
           .messages = part.size()});
    ack_ids = ack_ids.subspan(part.size());
  }
}

void Acknowledger::start(Request request) {
  Connection::Stubs& stubs = connection_->stubs();
  ++request.tries;
  auto owned = std::make_unique<Call>();
  Call& call = *owned;
  call.request = std::move(request);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_progress_.size() < kMaxCallsInProgress; });
    in_progress_.emplace(&call, std::move(owned));
  }
  set_timeout(call.context, kAckTimeout);
  stubs.raw->UnaryCall(&call.context,
                       call.request.is_ack ? kAcknowledgeMethod : kModifyAckDeadlineMethod, {},
                       &call.request.bytes, &call.response,
                       [this, &call](const grpc::Status& status) { done(&call, status); });
}

void Acknowledger::done(Call* call, const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (!status.ok()) failed(std::move(call->request), to_absl(status));
  // The call's context keeps the channel alive. If a gRPC thread released the channel last, it
  // would wait for itself; here the thread that waits for the call still holds the channel, too.
  in_progress_.erase(call);
  changed_.notify_all();
}

void Acknowledger::failed(Request request, const absl::Status& error) {
  if (is_transient(error) && request.tries < kMaxAckTries && failed_.size() < kMaxFailedCalls) {
    failed_.push_back(std::move(request));
  } else if (request.is_ack) {
    lost_acks_ += static_cast<std::int64_t>(request.messages);
    log_warning(
        "acks lost; their messages will be delivered again",
        {{"subscription", subscription_}, {"messages", request.messages}, {"error", error}});
  }
}

void Acknowledger::flush() {
  std::vector<Request> again;
  {
    const std::lock_guard lock(mutex_);
    again.swap(failed_);
    ++flushes_;
  }
  for (Request& request : again) start(std::move(request));
  const std::lock_guard lock(mutex_);
  --flushes_;
  changed_.notify_all();
}

bool Acknowledger::wait_idle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(
      lock, deadline, [this] { return in_progress_.empty() && failed_.empty() && flushes_ == 0; });
}

std::int64_t Acknowledger::lost_acks() const {
  const std::lock_guard lock(mutex_);
  return lost_acks_;
}

}  // namespace pollbus
