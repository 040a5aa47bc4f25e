#include "pedestrian/perceptron.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/status.h"

namespace pollbus::pedestrian {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLayers = 16;
constexpr std::size_t kMaxLayerOutputs = 1'024;
constexpr std::size_t kMaxFileBytes = 16'000'000;

absl::Status unfit(std::string_view where, std::string_view expected) {
  return absl::InvalidArgumentError(fmt::format("{}: expected {}", where, expected));
}

bool are_numbers(const json& list, std::size_t count) {
  return list.is_array() && list.size() == count &&
         std::all_of(list.begin(), list.end(), [](const json& entry) { return entry.is_number(); });
}

template <std::size_t kCount>
absl::StatusOr<std::array<double, kCount>> scale_of(const json& model, const char* name) {
  const auto found = model.find(name);
  if (found == model.end() || !are_numbers(*found, kCount))
    return unfit(name, fmt::format("{} numbers", kCount));
  const auto scale = found->get<std::array<double, kCount>>();
  if (std::any_of(scale.begin(), scale.end(), [](double value) { return value == 0; }))
    return unfit(name, "numbers other than 0");
  return scale;
}

absl::StatusOr<Perceptron::Layer> layer_of(const json& layer, std::size_t number,
                                           std::size_t inputs) {
  const std::string where = fmt::format("layers[{}]", number);
  if (!layer.is_object() || !layer.contains("weight") || !layer.contains("bias"))
    return unfit(where, "an object with weight and bias");
  const json& weight = layer["weight"];
  const bool has_rows = weight.is_array() && !weight.empty() && weight.size() <= kMaxLayerOutputs &&
                        std::all_of(weight.begin(), weight.end(),
                                    [&](const json& row) { return are_numbers(row, inputs); });
  if (!has_rows)
    return unfit(where + ".weight", fmt::format("a row of {} numbers for each output", inputs));
  if (!are_numbers(layer["bias"], weight.size()))
    return unfit(where + ".bias", fmt::format("{} numbers", weight.size()));
  return Perceptron::Layer{weight.get<std::vector<std::vector<double>>>(),
                           layer["bias"].get<std::vector<double>>()};
}

}  // namespace

absl::StatusOr<Perceptron> Perceptron::parse(std::string_view text) {
  const json model = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!model.is_object()) return absl::InvalidArgumentError("expected one JSON object");
  Perceptron perceptron;
  ASSIGN_OR_RETURN(perceptron.input_scale, scale_of<kInputs>(model, "input_scale"));
  ASSIGN_OR_RETURN(perceptron.output_scale, scale_of<kOutputs>(model, "output_scale"));
  const auto layers = model.find("layers");
  if (layers == model.end() || !layers->is_array() || layers->empty() ||
      layers->size() > kMaxLayers) {
    return unfit("layers", fmt::format("a list of 1 to {} layers", kMaxLayers));
  }
  std::size_t inputs = kInputs;
  for (const json& entry : *layers) {
    ASSIGN_OR_RETURN(auto layer, layer_of(entry, perceptron.layers.size(), inputs));
    inputs = layer.bias.size();
    perceptron.layers.push_back(std::move(layer));
  }
  if (inputs != kOutputs) return unfit("layers", "a last one with 2 outputs");
  return perceptron;
}

absl::StatusOr<Perceptron> Perceptron::load(const std::string& file) {
  const auto text = read_whole_file(file, kMaxFileBytes);
  if (!text.ok())
    return absl::InvalidArgumentError(
        fmt::format("model {}: cannot be read: {}", file, std::string(text.status().message())));
  auto perceptron = parse(*text);
  if (!perceptron.ok()) return annotate(perceptron.status(), "model " + file);
  return perceptron;
}

std::string Perceptron::encode() const {
  json list = json::array();
  for (const Layer& layer : layers)
    list.push_back(json{{"weight", layer.weight}, {"bias", layer.bias}});
  const json model{{"input_scale", input_scale}, {"output_scale", output_scale}, {"layers", list}};
  return model.dump() + "\n";
}

Point Perceptron::locate(const Box& box, double depth_m) const {
  std::vector<double> values{box.x1, box.y1, box.x2, box.y2, depth_m};
  for (std::size_t i = 0; i < kInputs; ++i) values[i] /= input_scale[i];
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::vector<double> sums = layers[i].bias;
    for (std::size_t row = 0; row < sums.size(); ++row) {
      for (std::size_t column = 0; column < values.size(); ++column)
        sums[row] += layers[i].weight[row][column] * values[column];
    }
    const bool is_last = i + 1 == layers.size();
    for (double& sum : sums) sum = is_last ? std::tanh(sum) : std::max(sum, 0.0);
    values = std::move(sums);
  }
  return {values[0] * output_scale[0], values[1] * output_scale[1]};
}

}  // namespace pollbus::pedestrian
