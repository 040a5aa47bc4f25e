#pragma once

// Inside src/bus only.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "bus/stubs.h"

namespace pollbus {

// Sends acks and changes of ack deadlines for one subscription by unary calls, many ids a call,
// without waiting for the answers. A call that fails for a while is tried again by flush(), up to
// kMaxAckTries times: a lost ack is no more than a redelivery. Thread-safe.
class Acknowledger {
 public:
  Acknowledger(std::shared_ptr<Connection> connection, std::string subscription)
      : connection_(std::move(connection)), subscription_(std::move(subscription)) {}
  // Cancels the calls under way.
  ~Acknowledger();

  // These wait while kMaxCallsUnderWay calls are unanswered.
  void ack(std::vector<std::string> ack_ids) { send(Kind::kAck, std::move(ack_ids), 0, 0); }
  void nack(std::vector<std::string> ack_ids) { send(Kind::kModify, std::move(ack_ids), 0, 0); }
  void extend(std::vector<std::string> ack_ids, int deadline_seconds) {
    send(Kind::kModify, std::move(ack_ids), deadline_seconds, 0);
  }

  // Sends again what has failed.
  void flush();
  // Waits until nothing is under way and nothing is to be sent again, or until `deadline`.
  bool wait_idle(std::chrono::steady_clock::time_point deadline);

  std::int64_t lost_acks() const;

 private:
  enum class Kind { kAck, kModify };
  struct Call;

  void send(Kind kind, std::vector<std::string> ack_ids, int deadline_seconds, int tries);
  void start(std::shared_ptr<Call> call);
  void done(const std::shared_ptr<Call>& call, const grpc::Status& status);

  std::shared_ptr<Connection> connection_;
  std::string subscription_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::shared_ptr<Call>> under_way_;
  std::vector<std::shared_ptr<Call>> failed_;
  std::int64_t lost_acks_ = 0;
};

}  // namespace pollbus
