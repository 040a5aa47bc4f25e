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
#include "integration/account.h"
#include "integration/bus_listener.h"

namespace pollbus::testing {

// The test as a voting machine: publishes the votes that the test wants, as often as it wants, and
// remembers each answer that the filter of a machine lets through. Thread-safe.
class BusMachine {
 public:
  BusMachine(const BusConfig& bus, std::string topic, std::int64_t election, std::int64_t machine);

  // A vote under a UUID that was never used; not cast yet.
  SubmittedVote draw(std::int64_t voter, std::int64_t choice) const;

  // Publishes the votes; remembers those whose UUID is new as cast. Of one UUID, the first content
  // counts. Errors are the bus's.
  absl::Status cast(std::span<const SubmittedVote> votes);
  absl::Status cast(const SubmittedVote& vote) { return cast(std::span(&vote, 1)); }
  absl::Status publish(const Message& message);

  // Publishes again, in growing pauses, what has no answer, until all has.
  bool resolve_all(std::chrono::milliseconds within);

  // Waits for so many answers to this UUID; returns those that came.
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
  std::unique_ptr<Publisher> publisher_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Accounts accounts_;
  std::size_t answered_ = 0;
  std::map<std::string, std::vector<Result>> results_;  // by UUID, of any content
  std::unique_ptr<BusListener> listener_;               // last: calls this object
};

}  // namespace pollbus::testing
