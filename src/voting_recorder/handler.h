#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/dependency.h"
#include "base/readiness.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/message_keys.h"
#include "election/vote.h"
#include "stores/ballot_box.h"

namespace pollbus::voting_recorder {

// Stores each vote once and answers its machine: takes a batch of votes to record and publishes
// results (docs/message-flow.md). kAck means that a vote was stored and then answered. After a
// crash or an error in between, the redelivered vote is not stored again but answered again.
// Borrows all parts. Not thread-safe.
class Handler {
 public:
  struct Parts {
    Outbox& outbox;
    BallotBox& ballots;
    Dependency& postgres;
    Clock& clock;
    Readiness& readiness;
    prometheus::Registry& metrics;
  };
  Handler(Parts parts, ServiceKeys keys);
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  // A vote together with the message that brought it.
  struct Received {
    const ReceivedMessage* message = nullptr;
    AnonymousVote vote;
  };

  std::vector<Received> read(std::span<const ReceivedMessage> batch, Outgoing* outgoing);
  void answer(Received received, BallotOutcome recorded, Outgoing* outgoing);
  // Shows whether some votes are delayed, until none is.
  void report_delay(bool is_delayed);
  void count(BallotOutcome outcome);

  Outbox& outbox_;
  const ServiceKeys keys_;
  DerivedKeys derived_;
  InboundCheck inbound_;
  BallotBox& ballots_;
  Dependency& postgres_;
  bool has_delayed_votes_ = false;  // in the last batch
  prometheus::Counter& recorded_;
  prometheus::Counter& recorded_again_;
  prometheus::Counter& uuid_reused_;
  prometheus::Counter& refused_;
  prometheus::Counter& sealed_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::voting_recorder
