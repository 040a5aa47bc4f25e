#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "pedestrian/labels.h"

namespace pollbus::pedestrian {

// Generates random scenes: the ego vehicle (car 2), car 1 ahead of it in the next lane, and a
// pedestrian in front of car 1 whom car 1 hides from the ego vehicle. The boxes are those that the
// cameras of Side see, in whole pixels. The same seed gives the same scenes. Not thread-safe.
class SceneGenerator {
 public:
  explicit SceneGenerator(std::uint64_t seed);

  LabelledScene next();

 private:
  double between(double least, double most);

  std::mt19937_64 random_;
  std::uint64_t next_timestamp_;
};

// Sizes of the objects in generated scenes.
inline constexpr double kCarHeightM = 1.488;
inline constexpr double kPedestrianHeightM = 1.3;
inline constexpr Dimensions kCarSize{4.792, 2.163};
inline constexpr Dimensions kPedestrianSize{0.375, 0.45};

}  // namespace pollbus::pedestrian
