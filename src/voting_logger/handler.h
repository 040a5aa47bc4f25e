#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <map>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/dependency.h"
#include "base/readiness.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/keyed_hash.h"
#include "election/message_keys.h"
#include "election/vote.h"
#include "stores/voter_register.h"

namespace pollbus::voting_logger {

// The message that a vote leads to: the vote without voter and time for the recorders, or the
// answer that the voter has already voted or that the election does not accept the vote. Not for
// MarkOutcome::kRefused.
Message decide(const SubmittedVote& vote, MarkOutcome outcome);

// Lets each voter through once per election: takes a batch of submitted votes and publishes votes
// to record and results (docs/message-flow.md). kAck means that a vote was marked and then
// published. After a crash or an error in between, the redelivered vote gets the same result.
// Borrows all parts. Not thread-safe.
class Handler {
 public:
  struct Parts {
    Outbox& outbox;
    VoterRegister& voters;
    Dependency& redis;
    Clock& clock;
    Readiness& readiness;
    prometheus::Registry& metrics;
  };
  // `key`: of the fingerprints.
  Handler(Parts parts, const HashKey& key, ServiceKeys keys);
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  // A vote together with the message that brought it.
  struct Received {
    const ReceivedMessage* message = nullptr;
    SubmittedVote vote;
  };

  std::vector<Received> read(std::span<const ReceivedMessage> batch, Outgoing* outgoing);
  void read(const ReceivedMessage& message, std::vector<Received>* votes, Outgoing* outgoing);
  std::vector<Mark> marks_of(const std::vector<Received>& votes) const;
  void answer(const Received& received, MarkOutcome marked, Outgoing* outgoing);

  Outbox& outbox_;
  const ServiceKeys keys_;
  DerivedKeys derived_;
  InboundCheck inbound_;
  VoterRegister& voters_;
  Dependency& redis_;
  HashKey key_;
  const std::map<MarkOutcome, prometheus::Counter*> outcomes_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::voting_logger
