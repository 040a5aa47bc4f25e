#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "integration/account.h"
#include "integration/bus_listener.h"

namespace pollbus::testing {

// Sees everything that is published to the topic while the bus lives, whoever publishes it.
// Thread-safe.
class Witness {
 public:
  Witness(const BusConfig& bus, const std::string& topic);

  // The votes that were published, with the answers that were.
  Accounts accounts() const;
  // Of one kind: wire::kSubmitVote, wire::kRecordVote, wire::kResult.
  std::vector<ReceivedMessage> messages(std::string_view function) const;
  std::size_t count(std::string_view function) const;

 private:
  mutable std::mutex mutex_;
  std::vector<ReceivedMessage> messages_;
  BusListener listener_;  // last: calls this object
};

// Collects the notices of a quarantine topic. Thread-safe.
class Quarantine {
 public:
  Quarantine(const BusConfig& bus, const std::string& topic);

  std::vector<ReceivedMessage> notices() const;

 private:
  mutable std::mutex mutex_;
  std::vector<ReceivedMessage> notices_;
  BusListener listener_;  // last: calls this object
};

}  // namespace pollbus::testing
