#pragma once

#include <prometheus/registry.h>

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/dependency.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/message_keys.h"
#include "election/office_messages.h"
#include "election/signature.h"
#include "stores/election_register.h"
#include "voting_logger/election_states.h"

namespace pollbus::voting_logger {

// Applies the office's commands to the register and answers them (docs/message-flow.md). Every
// command may arrive several times, in any order and at several loggers at once. kAck means that
// the command has taken effect, or never will, and that the answer is published. A command without
// the office's signature changes nothing and is quarantined. Borrows everything. Not thread-safe.
class OfficeHandler {
 public:
  // Without `office`, no command is accepted. `keys`: for the MACs of the answers.
  OfficeHandler(Outbox& outbox, ElectionRegister& elections, Dependency& redis,
                std::optional<OfficePublicKey> office, ServiceKeys keys,
                prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  using Answer = absl::StatusOr<wire::OfficeAnswer>;

  bool handle_one(const ReceivedMessage& message, std::stop_token stop, Outgoing* outgoing);
  Answer answer(const SignedEvent& signed_command, const wire::OfficeCommand& command);
  Answer answer_event(const SignedEvent& event, const wire::EventCommand& command);
  Answer answer_refused_event(const wire::EventCommand& command, const CurrentElection& current,
                              const absl::Status& why);
  Answer answer_roll(const RollSummary& roll, const CurrentElection& current);
  Answer answer_chunk(const wire::RollChunk& chunk);
  Answer stage(const wire::RollChunk& chunk, const CurrentElection& current);
  Answer answer_new_voter(const wire::NewVoter& voter);
  Answer answer_request(const wire::OfficeRequest& request);
  Answer answer_status_of_all();

  Outbox& outbox_;
  InboundCheck inbound_;
  ElectionRegister& elections_;
  ElectionStates states_;
  Dependency& redis_;
  const std::optional<OfficePublicKey> office_;
  const ServiceKeys keys_;
  prometheus::Registry& metrics_;
};

}  // namespace pollbus::voting_logger
