#include "pedestrian/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pollbus::pedestrian {
namespace {

constexpr std::array<const char*, 8> kStages{stage::kPedestrianDetection, stage::kPedestrianDepth,
                                             stage::kPedestrianLocation,  stage::kVehicleDetection,
                                             stage::kVehicleDepth,        stage::kVehicleLocation,
                                             stage::kAerialView,          stage::kConsumer};

}  // namespace

std::string next_stage(std::string_view name) {
  const auto found = std::find(kStages.begin(), kStages.end(), name);
  return found == kStages.end() || found + 1 == kStages.end() ? "" : *(found + 1);
}

std::string stage_subscription(std::string_view name) { return fmt::format("{}-sub", name); }

std::string stage_filter(std::string_view name) {
  return fmt::format("attributes.{}=\"{}\"", kStageAttribute, name);
}

}  // namespace pollbus::pedestrian
