#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/stubs.h"

namespace pollbus {

// Sends acks and changes of ack deadlines for one subscription by unary calls, many ids a call,
// without waiting for the answers. A call that fails for a while is tried again by flush(), up to
// kMaxAckTries times: a lost ack is no more than a redelivery. Thread-safe.
class Acknowledger {
 public:
  Acknowledger(std::shared_ptr<Connection> connection, std::string subscription);
  // Cancels the calls under way: who cares for them waits first (wait_idle).
  ~Acknowledger();

  // These wait while kMaxCallsUnderWay calls are unanswered.
  void ack(std::vector<std::string> ack_ids) {
    send({.kind = Kind::kAck, .ack_ids = std::move(ack_ids)});
  }
  void nack(std::vector<std::string> ack_ids) {
    send({.kind = Kind::kModify, .ack_ids = std::move(ack_ids)});
  }
  void extend(std::vector<std::string> ack_ids, int deadline_seconds) {
    send({.kind = Kind::kModify,
          .ack_ids = std::move(ack_ids),
          .deadline_seconds = deadline_seconds});
  }

  // Sends again what has failed.
  void flush();
  // Waits until nothing is under way and nothing is to be sent again, or until `deadline`.
  bool wait_idle(std::chrono::steady_clock::time_point deadline);

  std::int64_t lost_acks() const;

 private:
  enum class Kind { kAck, kModify };
  struct Request {
    Kind kind = Kind::kAck;
    std::vector<std::string> ack_ids;
    int deadline_seconds = 0;
    int tries = 0;
  };
  struct Call;

  void send(Request request);
  void start(Call& call);
  void done(Call* call, const grpc::Status& status);
  void failed(Request request, const absl::Status& error);

  std::shared_ptr<Connection> connection_;
  std::string subscription_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Call*, std::unique_ptr<Call>> under_way_;
  std::vector<Request> failed_;
  int flushes_ = 0;  // under way: they hold what is in neither of the two
  std::int64_t lost_acks_ = 0;
};

}  // namespace pollbus
