#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/message.h"
#include "base/readiness.h"
#include "bus/key_watch.h"
#include "bus/outbox.h"

namespace pollbus {

// How the messages of a subscription prove that a holder of a key made them.
struct InboundKeys {
  std::function<bool(const ReceivedMessage&)> is_authentic;
  std::string setting;  // the setting that must fit the senders' keys
  Clock& clock;
  Readiness& readiness;
};

// Checks the messages that a subscription delivers before a handler acts on them: recognizes
// strays and forgeries, and turns away messages that cannot be processed. Use from one thread at a
// time.
class InboundCheck {
 public:
  // `expected`: the attributes that the subscription's filter requires of every message, `function`
  // among them. Without `keys`, every message counts as authentic.
  InboundCheck(Attributes expected, prometheus::Registry& metrics,
               std::optional<InboundKeys> keys = std::nullopt);

  // Returns whether the subscription's filter should have held the message back; some emulators
  // store filters without applying them. Counts strays, and logs the first one.
  bool is_stray(const ReceivedMessage& message);

  // Returns whether the message is not authentic, and turns it away then. Call before parsing.
  bool is_forged(const ReceivedMessage& message, Outgoing* outgoing);

  // Turns a forged message away: counts it, and adds a quarantine notice to `outgoing`. Its sender
  // is never answered.
  void turn_away(const ReceivedMessage& message, Outgoing* outgoing);

  // Adds to `outgoing` a quarantine notice for a message that cannot be processed, and the answer
  // to its sender, if there is one. The notice has no payload, which may hold a vote.
  void reject(const std::string& reason, const ReceivedMessage& message,
              std::optional<Message> answer, Outgoing* outgoing) const;

 private:
  const Attributes expected_;
  const std::optional<InboundKeys> keys_;
  std::optional<KeyWatch> key_watch_;
  prometheus::Counter& strays_;
  prometheus::Counter& forged_;
  bool has_warned_ = false;
};

}  // namespace pollbus
