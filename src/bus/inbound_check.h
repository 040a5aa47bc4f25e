#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <map>
#include <optional>
#include <string>

#include "base/message.h"
#include "bus/outbox.h"

namespace pollbus {

// Checks the messages that a subscription delivers before a handler acts on them: recognizes
// strays, and turns away messages that cannot be processed. Use from one thread at a time.
class InboundCheck {
 public:
  // `expected`: the attributes that the subscription's filter requires of every message.
  InboundCheck(std::map<std::string, std::string> expected, prometheus::Registry& metrics);

  // Returns whether the subscription's filter should have held the message back; some emulators
  // store filters without applying them. Counts strays, and logs the first one.
  bool is_stray(const ReceivedMessage& message);

  // Adds to `outgoing` a quarantine notice for a message that cannot be processed, and the answer
  // to its sender, if there is one. The notice has no payload, which may hold a vote.
  void reject(const std::string& reason, const ReceivedMessage& message,
              std::optional<Message> answer, Outgoing* outgoing) const;

 private:
  const std::map<std::string, std::string> expected_;
  prometheus::Counter& strays_;
  bool has_warned_ = false;
};

}  // namespace pollbus
