#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "bus/inbox.h"
#include "bus/stubs.h"

namespace pollbus {

// One StreamingPull call from start to end. Responses are delivered one at a time, on threads of
// gRPC. Thread-safe.
class PullStream final : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  using Request = google::pubsub::v1::StreamingPullRequest;
  // Handles the messages of a response. Returns whether to read the next one; if not, call resume()
  // later.
  using OnResponse = std::function<bool(std::vector<Inbox::Delivery>)>;

  PullStream(grpc::GenericStub& stub, const Request& first, Clock& clock, OnResponse on_response);
  // The stream must have ended: call cancel() and wait_until() first.
  ~PullStream() override = default;

  void resume();
  // Sends an empty request, to which the server must respond. Does nothing during another write.
  void ping();
  // Asks the server to send what is on its way and to end the stream.
  void half_close();
  // Ends the stream at once. If reading is paused, call resume() afterwards, or the end is not
  // seen.
  void cancel();

  // Waits until the stream has ended or `until`; returns whether it has.
  bool wait_until(SteadyTime until);
  // How it ended. Only after wait_until() returned true.
  grpc::Status status() const;
  // Whether the server has answered the call, be it with its initial metadata only.
  bool is_accepted() const;
  // When the server was last heard of (or the stream began, or reading was resumed).
  SteadyTime last_heard() const;

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  Clock& clock_;
  OnResponse on_response_;
  grpc::ClientContext context_;
  grpc::ByteBuffer first_;
  grpc::ByteBuffer empty_;
  grpc::ByteBuffer response_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = true;
  bool half_closing_ = false;
  bool ending_ = false;  // nothing may be written from now on
  bool ended_ = false;
  bool accepted_ = false;
  grpc::Status status_;
  SteadyTime last_heard_;
};

}  // namespace pollbus
