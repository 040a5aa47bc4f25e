#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/dependency.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/message_keys.h"
#include "election/signature.h"
#include "stores/event_store.h"
#include "voting_recorder/office_desk.h"

namespace pollbus::voting_recorder {

// Handles the recorders' second subscription: commands of the office, and questions of machines
// about elections. Each is carried out and then answered; kAck means that the answer is published.
// A command without the office's signature changes nothing and is quarantined, also if this
// recorder does not know the office's key. Borrows the parts. Not thread-safe.
class OfficeHandler {
 public:
  struct Parts {
    Outbox& outbox;
    EventStore& events;
    Dependency& postgres;
    Clock& clock;
    Readiness& readiness;
    prometheus::Registry& metrics;
  };

  OfficeHandler(Parts parts, std::optional<OfficePublicKey> office, ServiceKeys keys);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  absl::Status handle(const ReceivedMessage& message, Outgoing* outgoing);
  absl::Status carry_out(const ReceivedMessage& message, Outgoing* outgoing);
  absl::Status describe(const ReceivedMessage& message, Outgoing* outgoing);
  absl::StatusOr<wire::DescribeAnswer> answer_to(const wire::DescribeRequest& request);

  Outbox& outbox_;
  EventStore& events_;
  Dependency& postgres_;
  const std::optional<OfficePublicKey> office_;
  const ServiceKeys keys_;
  std::optional<OfficeDesk> desk_;  // absent without the office's key
  InboundCheck commands_;
  InboundCheck questions_;
};

}  // namespace pollbus::voting_recorder
