#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "bus/intake.h"
#include "bus/subscriber.h"
#include "pedestrian/steps.h"

namespace pollbus::pedestrian {

// One stage: records in, the step done to each, records out under the next stage's name. What it
// returns kAck for has been published before. A record that cannot be processed leaves a notice in
// the quarantine. Borrows the bus. One thread at a time.
class Handler {
 public:
  Handler(Intake::Parts bus, std::string stage, std::string next, Step step,
          prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  absl::StatusOr<Message> process(const ReceivedMessage& message) const;

  Intake intake_;
  const std::string stage_;
  const std::string next_;
  const Step step_;
  prometheus::Counter& passed_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::pedestrian
