#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pedestrian/labels.h"
#include "pedestrian/perceptron.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {

// What a perceptron is to learn from one scene: what the stages before it would tell, and the
// truth.
struct Example {
  Box box;
  double depth_m = 0;
  Point way;
};

// With the depth of the embedded default, and boxes that are a few pixels off as a detector's are.
std::vector<Example> pedestrian_examples(std::span<const LabelledScene> scenes, std::uint64_t seed);
std::vector<Example> vehicle_examples(std::span<const LabelledScene> scenes, std::uint64_t seed);

struct TrainingPlan {
  std::array<double, Perceptron::kInputs> input_scale{1920, 1080, 1920, 1080, 20};
  std::array<double, Perceptron::kOutputs> output_scale{};
  int epochs = 400;
  std::uint64_t seed = 1;
};

// A perceptron of layers 10, 10 and 2, trained by gradient descent (Adam,
// https://arxiv.org/abs/1412.6980) on the squared error. The same plan and examples make the same
// perceptron.
Perceptron train(std::span<const Example> examples, const TrainingPlan& plan);

// Distances between what it says and the truth, in metres.
std::vector<double> errors_of(const Perceptron& perceptron, std::span<const Example> examples);

}  // namespace pollbus::pedestrian
