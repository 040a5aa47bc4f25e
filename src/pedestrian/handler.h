#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "pedestrian/steps.h"

namespace pollbus::pedestrian {

// Handles the messages of one stage: applies the step to each record and publishes the result under
// the name of the next stage. A message is acked only after its result was published. A record that
// cannot be processed is reported on the quarantine topic. Borrows the outbox. Not thread-safe.
class Handler {
 public:
  Handler(Outbox& outbox, std::string stage, std::string next, Step step,
          prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  absl::StatusOr<Message> process(const ReceivedMessage& message) const;

  Outbox& outbox_;
  InboundCheck inbound_;
  const std::string stage_;
  const std::string next_;
  const Step step_;
  prometheus::Counter& passed_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::pedestrian
