#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "integration/account.h"
#include "integration/bus_listener.h"

namespace pollbus::testing {

// Receives every message that any program publishes to the topic. Thread-safe.
class Witness {
 public:
  Witness(const BusConfig& bus, const std::string& topic);

  // The published votes with their published answers.
  Accounts accounts() const;
  // The messages of one kind: wire::kSubmitVote, wire::kRecordVote or wire::kResult.
  std::vector<Message> messages(std::string_view function) const;
  std::size_t count(std::string_view function) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  BusListener listener_;  // last, because it calls this object
};

// Collects the notices of a quarantine topic. Thread-safe.
class Quarantine {
 public:
  Quarantine(const BusConfig& bus, const std::string& topic);

  std::vector<Message> notices() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Message> notices_;
  BusListener listener_;  // last, because it calls this object
};

}  // namespace pollbus::testing
