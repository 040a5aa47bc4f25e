#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bus/stubs.h"

namespace pollbus {

// Sends acks, nacks and extensions of ack deadlines for one subscription, many ids per call,
// without waiting for the answers. flush() repeats calls that failed with a transient error, up to
// kMaxAckTries times; an ack that is lost even then leads to a redelivery. Thread-safe.
class Acknowledger {
 public:
  Acknowledger(std::shared_ptr<Connection> connection, std::string subscription);
  // Cancels the calls in progress. To let them finish, call wait_idle() first.
  ~Acknowledger();

  // These block while kMaxCallsInProgress calls are unanswered.
  void ack(std::span<const std::string_view> ack_ids) { send(ack_ids, std::nullopt); }
  void nack(std::span<const std::string_view> ack_ids) { send(ack_ids, 0); }
  void extend(std::span<const std::string_view> ack_ids, int deadline_seconds) {
    send(ack_ids, deadline_seconds);
  }

  // Repeats the calls that failed.
  void flush();
  // Waits until no call is in progress or left to repeat, and returns true; false at `deadline`.
  bool wait_idle(std::chrono::steady_clock::time_point deadline);

  std::int64_t lost_acks() const;

 private:
  struct Request {
    bool is_ack = false;  // otherwise it modifies deadlines
    grpc::ByteBuffer bytes;
    std::size_t messages = 0;
    int tries = 0;
  };
  struct Call;

  // Acks, or with a deadline modifies the deadlines.
  void send(std::span<const std::string_view> ack_ids, std::optional<int> deadline_seconds);
  void start(Request request);
  void done(Call* call, const grpc::Status& status);
  void failed(Request request, const absl::Status& error);

  std::shared_ptr<Connection> connection_;
  std::string subscription_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Call*, std::unique_ptr<Call>> in_progress_;
  std::vector<Request> failed_;
  int flushes_ = 0;  // in progress: they hold requests that are in neither container
  std::int64_t lost_acks_ = 0;
};

}  // namespace pollbus
