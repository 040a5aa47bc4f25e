#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "bus/worker.h"
#include "pedestrian/steps.h"

namespace pollbus::pedestrian {

// A stage's step with the sentence that says what it works with.
struct DescribedStep {
  Step step;
  std::string description;
};

// The process of one stage: takes its records in, does the step, passes them on to the next stage,
// whose subscription it makes if it is missing. Returns the process's exit code.
struct StageProgram {
  std::string stage;
  std::string purpose;
  std::function<void(Settings&)> add_to;
  // After the settings are read, before the bus is looked for.
  std::function<absl::StatusOr<DescribedStep>()> make_step;

  int run(int argc, char** argv) const;
};

// What the parts of this system have in common on the bus. A record with its images may have 10 MB:
// only a few are held at once.
WorkerConfig stage_worker_config(const std::string& stage);

}  // namespace pollbus::pedestrian
