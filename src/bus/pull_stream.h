#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "bus/inbox.h"
#include "bus/stubs.h"

namespace pollbus {

// One StreamingPull call from start to end. Responses are delivered one at a time, on the
// connection's thread. Thread-safe.
class PullStream {
 public:
  using Request = google::pubsub::v1::StreamingPullRequest;
  // Handles the messages of a response. Returns whether to read the next one; if not, call resume()
  // later.
  using OnResponse = std::function<bool(std::vector<Inbox::Delivery>)>;

  PullStream(Connection::Stubs& stubs, const Request& first, Clock& clock, OnResponse on_response);
  // The stream must have ended: call cancel() and wait_until() first.
  ~PullStream() = default;
  PullStream(const PullStream&) = delete;
  PullStream& operator=(const PullStream&) = delete;

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
  // Calls a method of the stream when an operation has ended.
  class Step final : public Completion {
   public:
    using Method = void (PullStream::*)(bool ok);
    Step(PullStream& stream, Method method) : stream_(stream), method_(method) {}
    void done(bool ok) override { (stream_.*method_)(ok); }

   private:
    PullStream& stream_;
    const Method method_;
  };

  void on_metadata(bool ok);
  void on_read(bool ok);
  void on_written(bool ok);
  void on_finished(bool ok);
  // These must hold mutex_.
  void write(const grpc::ByteBuffer& message);
  void write_end();
  void finish();

  Clock& clock_;
  OnResponse on_response_;
  grpc::ClientContext context_;
  grpc::ByteBuffer response_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  Step metadata_{*this, &PullStream::on_metadata};
  Step read_{*this, &PullStream::on_read};
  Step written_{*this, &PullStream::on_written};
  Step finished_{*this, &PullStream::on_finished};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = false;
  bool half_closing_ = false;
  bool half_closed_ = false;
  bool ending_ = false;  // nothing may be written from now on
  bool ended_ = false;
  std::optional<SteadyTime> answered_;  // when the initial metadata came
  bool accepted_ = false;
  grpc::Status status_;
  SteadyTime last_heard_;
};

}  // namespace pollbus
