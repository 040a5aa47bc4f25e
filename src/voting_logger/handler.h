#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <span>
#include <stop_token>
#include <vector>

#include "base/dependency.h"
#include "bus/intake.h"
#include "bus/subscriber.h"
#include "election/keyed_hash.h"
#include "election/vote.h"
#include "stores/voter_register.h"

namespace pollbus::voting_logger {

// What goes out for a vote, once the register has spoken: the vote without voter and time, or the
// answer that the voter has voted.
Message decide(const SubmittedVote& vote, MarkOutcome outcome);

// Lets each voter through once per election: a batch of submitted votes in, recorded votes and
// results out (docs/message-flow.md). What it returns kAck for has been marked and published, in
// this order; a crash or an error in between ends in a redelivery that gives the same result.
// Borrows all parts. One thread at a time.
class Handler {
 public:
  Handler(Intake::Parts bus, VoterRegister& voters, Dependency& redis, HashKey key,
          prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  void count(MarkOutcome outcome);

  Intake intake_;
  VoterRegister& voters_;
  Dependency& redis_;
  HashKey key_;
  prometheus::Counter& forwarded_;
  prometheus::Counter& forwarded_again_;
  prometheus::Counter& already_voted_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::voting_logger
