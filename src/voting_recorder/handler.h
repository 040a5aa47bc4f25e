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
#include "stores/ballot_box.h"

namespace pollbus::voting_recorder {

// Stores each vote once and answers its machine: a batch of recorded votes in, results out
// (docs/message-flow.md). What it returns kAck for has been stored and answered, in this order; a
// crash or an error in between ends in a redelivery that stores nothing twice and answers again.
// Borrows all parts. One thread at a time.
class Handler {
 public:
  Handler(Intake::Parts bus, BallotBox& ballots, Dependency& postgres, HashKey key,
          prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  Intake intake_;
  BallotBox& ballots_;
  Dependency& postgres_;
  HashKey key_;
  prometheus::Counter& recorded_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::voting_recorder
