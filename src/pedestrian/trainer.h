#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pedestrian/labels.h"
#include "pedestrian/perceptron.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {

// One training example: the output of the earlier stages, and the true place.
struct Example {
  Box box;
  double depth_m = 0;
  Point way;
};

// Builds examples with the embedded default's depth and with boxes that are a few pixels off, as
// those of a detector are.
std::vector<Example> pedestrian_examples(std::span<const LabelledScene> scenes, std::uint64_t seed);
std::vector<Example> vehicle_examples(std::span<const LabelledScene> scenes, std::uint64_t seed);

struct TrainingPlan {
  std::array<double, Perceptron::kInputs> input_scale{1920, 1080, 1920, 1080, 20};
  std::array<double, Perceptron::kOutputs> output_scale{};
  int epochs = 400;
  std::uint64_t seed = 1;
};

// Trains a perceptron with layers of 10, 10 and 2 on the squared error, with Adam
// (https://arxiv.org/abs/1412.6980). The same plan and examples give the same perceptron.
Perceptron train(std::span<const Example> examples, const TrainingPlan& plan);

// Distances between the computed and the true places, in metres.
std::vector<double> errors_of(const Perceptron& perceptron, std::span<const Example> examples);

}  // namespace pollbus::pedestrian
