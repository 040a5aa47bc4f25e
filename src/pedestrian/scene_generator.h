#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "pedestrian/labels.h"

namespace pollbus::pedestrian {

// Draws scenes: the ego vehicle (car 2) on its lane, car 1 ahead on the next one, and a pedestrian
// before it whom it hides from the ego vehicle. Their boxes are those that the cameras of Side see,
// in whole pixels. The same seed draws the same scenes. Not thread-safe.
class SceneGenerator {
 public:
  explicit SceneGenerator(std::uint64_t seed);

  LabelledScene next();

 private:
  double between(double least, double most);

  std::mt19937_64 random_;
  std::uint64_t next_timestamp_;
};

// How high the things in generated scenes are, in metres.
inline constexpr double kCarHeightM = 1.488;
inline constexpr double kPedestrianHeightM = 1.3;
inline constexpr Dimensions kCarSize{4.792, 2.163};
inline constexpr Dimensions kPedestrianSize{0.375, 0.45};

}  // namespace pollbus::pedestrian
