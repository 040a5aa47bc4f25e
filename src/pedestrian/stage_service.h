#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "bus/worker.h"
#include "pedestrian/steps.h"

namespace pollbus::pedestrian {

// The step of a stage, and a phrase for the log about the model it uses.
struct DescribedStep {
  Step step;
  std::string description;
};

// Runs the process of one stage. It creates the subscription of the next stage when it is missing,
// so that no record is lost. Returns the exit code of the process.
struct StageProgram {
  std::string stage;
  std::string purpose;
  std::function<void(Settings&)> add_to;
  // Called after the settings were read and before the bus is contacted.
  std::function<absl::StatusOr<DescribedStep>()> make_step;

  int run(int argc, char** argv) const;
};

// The bus settings that all stages share. A record with images may take 10 MB, so only a few are
// held in memory at once.
WorkerConfig stage_worker_config(const std::string& stage);

}  // namespace pollbus::pedestrian
