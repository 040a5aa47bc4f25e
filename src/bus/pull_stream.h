#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/clock.h"
#include "bus/stubs.h"

namespace pollbus {

// One StreamingPull call from start to end. Responses are handed over one at a time, on gRPC's
// threads. Thread-safe.
class PullStream final
    : private grpc::ClientBidiReactor<google::pubsub::v1::StreamingPullRequest,
                                      google::pubsub::v1::StreamingPullResponse> {
 public:
  using Request = google::pubsub::v1::StreamingPullRequest;
  using Response = google::pubsub::v1::StreamingPullResponse;
  // Takes what was received; returns whether to read on at once (else resume() does).
  using OnResponse = std::function<bool(Response&&)>;

  PullStream(google::pubsub::v1::Subscriber::Stub& stub, Request first, Clock& clock,
             OnResponse on_response);
  // The stream must have ended: call cancel() and wait() first.
  ~PullStream() override = default;

  void resume();
  // Asks the server for a sign of life (an empty request). Skipped while a write is under way.
  void ping();
  // Says that no more is wanted; the server sends what is on its way and ends the stream.
  void half_close();
  // Ends the stream at once; where a read is paused, resume() must follow for the end to be seen.
  void cancel();

  // Waits until the stream has ended or `until`; returns whether it has.
  bool wait_until(SteadyTime until);
  // How it ended. Only after wait_until() returned true.
  grpc::Status status() const;
  // When the server was last heard of (or the stream begun, or reading gone on).
  SteadyTime last_heard() const;

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  Clock& clock_;
  OnResponse on_response_;
  grpc::ClientContext context_;
  Request first_;
  Request empty_;
  Response response_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = true;
  bool half_closing_ = false;
  bool ending_ = false;  // nothing may be written any more
  bool ended_ = false;
  grpc::Status status_;
  SteadyTime last_heard_;
};

}  // namespace pollbus
