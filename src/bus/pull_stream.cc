#include "bus/pull_stream.h"

#include <string>
#include <utility>

#include "base/logging.h"
#include "bus/pubsub_codec.h"

namespace pollbus {
namespace {

// A refusal begins like an answer, but fails the first read at once.
constexpr std::chrono::milliseconds kRefusalTime{10};

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace

PullStream::PullStream(Connection::Stubs& stubs, const Request& first, Clock& clock,
                       OnResponse on_response)
    : clock_(clock), on_response_(std::move(on_response)), last_heard_(clock.now()) {
  // The service routes the call to the location of the subscription by this header.
  context_.AddMetadata("x-goog-request-params", "subscription=" + first.subscription());
  // The call begins with its first message, in one packet.
  context_.set_initial_metadata_corked(true);
  call_ = stubs.raw->PrepareCall(&context_, kStreamingPullMethod, &stubs.thread->queue());
  call_->StartCall(nullptr);
  const std::lock_guard lock(mutex_);
  write(buffer_of(first.SerializeAsString()));
  call_->ReadInitialMetadata(&metadata_);
}

void PullStream::resume() {
  {
    // Nothing was read while reading was paused.
    const std::lock_guard lock(mutex_);
    last_heard_ = clock_.now();
  }
  call_->Read(&response_, &read_);
}

void PullStream::half_close() {
  const std::lock_guard lock(mutex_);
  if (ending_ || half_closing_) return;
  half_closing_ = true;
  if (!writing_) write_end();
}

void PullStream::cancel() { context_.TryCancel(); }

void PullStream::ping() {
  const std::lock_guard lock(mutex_);
  if (writing_ || ending_ || half_closing_) return;
  write(buffer_of(""));
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
  return accepted_ || (answered_ && clock_.now() - *answered_ >= kRefusalTime);
}

void PullStream::write(const grpc::ByteBuffer& message) {
  writing_ = true;
  call_->Write(message, &written_);
}

void PullStream::write_end() {
  writing_ = true;
  half_closed_ = true;
  call_->WritesDone(&written_);
}

void PullStream::finish() { call_->Finish(&status_, &finished_); }

void PullStream::on_metadata(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    last_heard_ = clock_.now();
    if (ok) answered_ = last_heard_;
  }
  call_->Read(&response_, &read_);
}

void PullStream::on_read(bool ok) {
  if (!ok) {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (!writing_) finish();
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
  if (on_response_(*std::move(deliveries))) call_->Read(&response_, &read_);
}

void PullStream::on_written(bool /*ok*/) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (ending_) {
    finish();
  } else if (half_closing_ && !half_closed_) {
    write_end();
  }
}

void PullStream::on_finished(bool /*ok*/) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace pollbus
