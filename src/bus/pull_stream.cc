#include "bus/pull_stream.h"

#include <string>
#include <utility>

#include "base/logging.h"
#include "bus/pubsub_codec.h"

namespace pollbus {
namespace {

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace

PullStream::PullStream(grpc::GenericStub& stub, const Request& first, Clock& clock,
                       OnResponse on_response)
    : clock_(clock),
      on_response_(std::move(on_response)),
      first_(buffer_of(first.SerializeAsString())),
      empty_(buffer_of("")),
      last_heard_(clock.now()) {
  // The service routes the call to the location of the subscription by this header.
  context_.AddMetadata("x-goog-request-params", "subscription=" + first.subscription());
  stub.PrepareBidiStreamingCall(&context_, kStreamingPullMethod, {}, this);
  StartWrite(&first_);
  StartRead(&response_);
  // resume() and ping() are called from other threads than the reactions: the hold keeps the stream
  // alive for them until it has failed.
  AddHold();
  StartCall();
}

void PullStream::resume() {
  {
    // Nothing was read while reading was paused.
    const std::lock_guard lock(mutex_);
    last_heard_ = clock_.now();
  }
  StartRead(&response_);
}

void PullStream::half_close() {
  const std::lock_guard lock(mutex_);
  if (ending_ || half_closing_) return;
  half_closing_ = true;
  if (!writing_) StartWritesDone();
}

void PullStream::cancel() { context_.TryCancel(); }

void PullStream::ping() {
  const std::lock_guard lock(mutex_);
  if (writing_ || ending_ || half_closing_) return;
  writing_ = true;
  StartWrite(&empty_);
}

bool PullStream::wait_until(SteadyTime until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [this] { return ended_; });
}

grpc::Status PullStream::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

SteadyTime PullStream::last_heard() const {
  const std::lock_guard lock(mutex_);
  return last_heard_;
}

bool PullStream::is_accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

void PullStream::OnReadInitialMetadataDone(bool ok) {
  if (!ok) return;
  const std::lock_guard lock(mutex_);
  accepted_ = true;
  last_heard_ = clock_.now();
}

void PullStream::OnReadDone(bool ok) {
  if (!ok) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    RemoveHold();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    accepted_ = true;
    last_heard_ = clock_.now();
  }
  auto deliveries = read_pull_response(response_);
  response_.Clear();
  if (!deliveries) {
    // No later bytes of this server can be trusted to be what they seem.
    log_warning("bus: the server has sent what is no StreamingPullResponse");
    deliveries.emplace();
    context_.TryCancel();
  }
  if (on_response_(*std::move(deliveries))) StartRead(&response_);
}

void PullStream::OnWriteDone(bool) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (half_closing_ && !ending_) StartWritesDone();
}

void PullStream::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
  ended_ = true;
  changed_.notify_all();
}

}  // namespace pollbus
