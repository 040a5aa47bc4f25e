#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// A small network that computes the place of an object from its box and depth. It has five inputs
// [x1,y1,x2,y2,depth], each divided by its scale, layers with ReLU between them and tanh at the
// end, and two outputs, each multiplied by its scale: metres ahead of and to the right of the
// camera.
struct Perceptron {
  static constexpr std::size_t kInputs = 5;
  static constexpr std::size_t kOutputs = 2;
  struct Layer {
    std::vector<std::vector<double>> weight;  // rows: outputs
    std::vector<double> bias;
  };

  std::array<double, kInputs> input_scale{};
  std::array<double, kOutputs> output_scale{};
  std::vector<Layer> layers;

  // From JSON {"input_scale":[5],"output_scale":[2],"layers":[{"weight":[[…]],"bias":[…]},…]}.
  // INVALID_ARGUMENT, with the field and what was expected, for anything else.
  static absl::StatusOr<Perceptron> parse(std::string_view json);
  static absl::StatusOr<Perceptron> load(const std::string& file);
  std::string encode() const;

  Point locate(const Box& box, double depth_m) const;
};

// The perceptrons that scripts/train-location produced for the two cameras.
std::string_view embedded_pedestrian_perceptron();
std::string_view embedded_vehicle_perceptron();

}  // namespace pollbus::pedestrian
