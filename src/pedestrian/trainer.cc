#include "pedestrian/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace pollbus::pedestrian {
namespace {

constexpr double kBoxNoisePx = 1.5;
constexpr std::size_t kHidden = 10;
constexpr std::size_t kBatch = 32;
constexpr double kFirstRate = 5e-3;
constexpr double kLastRate = 5e-5;
constexpr double kMomentum = 0.9;
constexpr double kSquaredMomentum = 0.999;
constexpr double kEpsilon = 1e-8;
// Weights are rounded to this many decimals.
constexpr double kWeightSteps = 1e6;

// As in SceneGenerator: the same numbers with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double between(double least, double most) {
    constexpr double kUnit = 1.0 / static_cast<double>(std::uint64_t{1} << 53);
    return least + (most - least) * static_cast<double>(engine_() >> 11) * kUnit;
  }
  std::size_t below(std::size_t end) { return engine_() % end; }

 private:
  std::mt19937_64 engine_;
};

Example example(const Side& side, Box box, Point way, Random& random) {
  for (double* edge : {&box.x1, &box.y1, &box.x2, &box.y2})
    *edge += random.between(-kBoxNoisePx, kBoxNoisePx);
  box.x2 = std::min(box.x2, static_cast<double>(side.camera.width_px));
  box.y2 = std::min(box.y2, static_cast<double>(side.camera.height_px));
  return {box, pinhole_depth(box, side.camera, side.object_height_m), way};
}

// A trained parameter, with the running means of its gradient that Adam needs.
struct Weight {
  double* value = nullptr;
  double gradient = 0;
  double mean = 0;
  double squared_mean = 0;
};

class Training {
 public:
  Training(Perceptron& perceptron, Random& random) : perceptron_(perceptron), random_(random) {
    for (auto& layer : perceptron_.layers) {
      for (auto& row : layer.weight) {
        for (double& weight : row) {
          const double bound = std::sqrt(6.0 / static_cast<double>(row.size()));
          weight = random_.between(-bound, bound);
          weights_.push_back({&weight});
        }
      }
      for (double& bias : layer.bias) weights_.push_back({&bias});
    }
  }

  void add_gradient(const Example& example) {
    forward(example);
    std::vector<double> errors(Perceptron::kOutputs);
    const std::vector<double>& out = values_.back();
    const double truth[] = {example.way.x / perceptron_.output_scale[0],
                            example.way.y / perceptron_.output_scale[1]};
    for (std::size_t i = 0; i < errors.size(); ++i) {
      // The error is measured in metres, so that both directions have the same weight.
      const double scale = perceptron_.output_scale[i];
      errors[i] = (out[i] - truth[i]) * scale * scale * (1 - out[i] * out[i]);
    }
    backward(std::move(errors));
  }

  void step(double rate) {
    ++steps_;
    const double mean_bias = 1 - std::pow(kMomentum, steps_);
    const double squared_bias = 1 - std::pow(kSquaredMomentum, steps_);
    for (Weight& weight : weights_) {
      weight.mean = kMomentum * weight.mean + (1 - kMomentum) * weight.gradient;
      weight.squared_mean = kSquaredMomentum * weight.squared_mean +
                            (1 - kSquaredMomentum) * weight.gradient * weight.gradient;
      *weight.value -= rate * (weight.mean / mean_bias) /
                       (std::sqrt(weight.squared_mean / squared_bias) + kEpsilon);
      weight.gradient = 0;
    }
  }

 private:
  void forward(const Example& example) {
    const auto& scale = perceptron_.input_scale;
    values_.assign(1,
                   {example.box.x1 / scale[0], example.box.y1 / scale[1], example.box.x2 / scale[2],
                    example.box.y2 / scale[3], example.depth_m / scale[4]});
    for (const auto& layer : perceptron_.layers) {
      std::vector<double> sums = layer.bias;
      for (std::size_t row = 0; row < sums.size(); ++row) {
        for (std::size_t i = 0; i < values_.back().size(); ++i)
          sums[row] += layer.weight[row][i] * values_.back()[i];
      }
      const bool is_last = values_.size() == perceptron_.layers.size();
      for (double& sum : sums) sum = is_last ? std::tanh(sum) : std::max(sum, 0.0);
      values_.push_back(std::move(sums));
    }
  }

  // `errors` are those of the sums in the last layer.
  void backward(std::vector<double> errors) {
    std::size_t end = weights_.size();
    for (std::size_t l = perceptron_.layers.size(); l-- > 0;) {
      const auto& layer = perceptron_.layers[l];
      const std::vector<double>& inputs = values_[l];
      const std::size_t biases = end - errors.size();
      const std::size_t first = biases - errors.size() * inputs.size();
      std::vector<double> before(inputs.size(), 0.0);
      for (std::size_t row = 0; row < errors.size(); ++row) {
        weights_[biases + row].gradient += errors[row];
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          weights_[first + row * inputs.size() + i].gradient += errors[row] * inputs[i];
          before[i] += errors[row] * layer.weight[row][i];
        }
      }
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (inputs[i] <= 0) before[i] = 0;
      }
      errors = std::move(before);
      end = first;
    }
  }

  Perceptron& perceptron_;
  Random& random_;
  std::vector<Weight> weights_;
  std::vector<std::vector<double>> values_;  // the inputs of each layer, then the outputs
  int steps_ = 0;
};

Perceptron::Layer empty_layer(std::size_t inputs, std::size_t outputs) {
  return {std::vector<std::vector<double>>(outputs, std::vector<double>(inputs)),
          std::vector<double>(outputs)};
}

void shuffle(std::vector<std::size_t>& order, Random& random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

void round_weights(Perceptron& perceptron) {
  const auto rounded = [](double value) { return std::round(value * kWeightSteps) / kWeightSteps; };
  for (auto& layer : perceptron.layers) {
    for (auto& row : layer.weight) std::transform(row.begin(), row.end(), row.begin(), rounded);
    std::transform(layer.bias.begin(), layer.bias.end(), layer.bias.begin(), rounded);
  }
}

}  // namespace

std::vector<Example> pedestrian_examples(std::span<const LabelledScene> scenes,
                                         std::uint64_t seed) {
  Random random(seed);
  std::vector<Example> examples;
  for (const auto& scene : scenes) {
    examples.push_back(
        example(pedestrian_side(), scene.pedestrian_box, scene.pedestrian - scene.car1, random));
  }
  return examples;
}

std::vector<Example> vehicle_examples(std::span<const LabelledScene> scenes, std::uint64_t seed) {
  Random random(seed);
  std::vector<Example> examples;
  for (const auto& scene : scenes)
    examples.push_back(example(vehicle_side(), scene.car_box, scene.car1 - scene.car2, random));
  return examples;
}

Perceptron train(std::span<const Example> examples, const TrainingPlan& plan) {
  Perceptron perceptron{
      .input_scale = plan.input_scale,
      .output_scale = plan.output_scale,
      .layers = {empty_layer(Perceptron::kInputs, kHidden), empty_layer(kHidden, kHidden),
                 empty_layer(kHidden, Perceptron::kOutputs)}};
  Random random(plan.seed);
  Training training(perceptron, random);
  std::vector<std::size_t> order(examples.size());
  std::iota(order.begin(), order.end(), 0);
  for (int epoch = 0; epoch < plan.epochs; ++epoch) {
    const double rate =
        kFirstRate * std::pow(kLastRate / kFirstRate, static_cast<double>(epoch) / plan.epochs);
    shuffle(order, random);
    for (std::size_t i = 0; i < order.size(); ++i) {
      training.add_gradient(examples[order[i]]);
      if ((i + 1) % kBatch == 0 || i + 1 == order.size()) training.step(rate);
    }
  }
  round_weights(perceptron);
  return perceptron;
}

std::vector<double> errors_of(const Perceptron& perceptron, std::span<const Example> examples) {
  std::vector<double> errors;
  for (const Example& example : examples)
    errors.push_back(length(perceptron.locate(example.box, example.depth_m) - example.way));
  return errors;
}

}  // namespace pollbus::pedestrian
