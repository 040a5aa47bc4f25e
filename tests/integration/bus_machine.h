#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "bus/publisher.h"
#include "election/message_keys.h"
#include "integration/account.h"
#include "integration/bus_listener.h"

namespace pollbus::testing {

// Lets a test play a voting machine: publishes the votes that the test gives it, as often as it
// says, and remembers every answer that arrives for this machine ID. Thread-safe.
class BusMachine {
 public:
  BusMachine(const BusConfig& bus, const std::string& topic, std::int64_t election,
             std::int64_t machine, MachineKeys keys = {});

  // Makes a vote with a new UUID, without casting it.
  SubmittedVote draw(std::int64_t voter, std::int64_t choice) const;

  // Publishes the votes. A vote whose UUID is new is remembered as cast; a second vote with the
  // same UUID is published, but the first one is remembered. Errors are the bus's.
  absl::Status cast(std::span<const SubmittedVote> votes);
  absl::Status cast(const SubmittedVote& vote) { return cast(std::span(&vote, 1)); }
  // Publishes the message as it is.
  absl::Status publish(const Message& message);

  // Publishes the unanswered votes again, with growing pauses, until all are answered. False if
  // that takes longer than `within`.
  bool resolve_all(std::chrono::milliseconds within);

  // Waits for `count` answers to this UUID and returns the answers that have arrived.
  std::vector<Result> answers(const std::string& uuid, std::size_t count,
                              std::chrono::milliseconds within = std::chrono::seconds(20));
  bool wait_for_all_answers(std::chrono::milliseconds within);
  std::size_t unanswered() const;
  Accounts accounts() const;

 private:
  void on_result(const ReceivedMessage& message);
  std::size_t unanswered_locked() const { return accounts_.size() - answered_; }

  const std::int64_t election_;
  const std::int64_t machine_;
  const MachineKeys keys_;
  std::unique_ptr<Publisher> publisher_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Accounts accounts_;
  std::size_t answered_ = 0;
  std::map<std::string, std::vector<Result>> results_;  // by UUID
  std::unique_ptr<BusListener> listener_;  // declared last because it calls this object
};

}  // namespace pollbus::testing
