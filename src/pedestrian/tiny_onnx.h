#pragma once

// Used only by the tests in this folder.

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

// Writes ONNX models of a few nodes by hand, in protobuf's wire format
// (https://protobuf.dev/programming-guides/encoding/, fields as in
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
namespace pollbus::pedestrian::tiny_onnx {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
inline std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
inline std::string bytes(int field, const std::string& value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(value.size()) + value;
}

inline std::string raw(std::span<const float> values) {
  std::string out;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  }
  return out;
}
inline std::string raw(std::span<const std::int64_t> values) {
  std::string out;
  for (const std::int64_t value : values) {
    for (int shift = 0; shift < 64; shift += 8)
      out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  }
  return out;
}

constexpr int kFloat = 1;
constexpr int kInt64 = 7;

inline std::string tensor(const std::string& name, int type, const std::vector<int>& shape,
                          const std::string& data) {
  std::string out;
  for (const int size : shape) out += number(1, static_cast<std::uint64_t>(size));
  return out + number(2, static_cast<std::uint64_t>(type)) + bytes(8, name) + bytes(9, data);
}
inline std::string value_info(const std::string& name, const std::vector<int>& shape) {
  std::string dimensions;
  for (const int size : shape) dimensions += bytes(1, number(1, static_cast<std::uint64_t>(size)));
  return bytes(1, name) + bytes(2, bytes(1, number(1, kFloat) + bytes(2, dimensions)));
}
inline std::string integer(const std::string& name, std::uint64_t value) {
  return bytes(1, name) + number(3, value) + number(20, 2);
}
inline std::string integers(const std::string& name, const std::vector<std::uint64_t>& values) {
  std::string out = bytes(1, name) + number(20, 7);
  for (const std::uint64_t value : values) out += number(8, value);
  return out;
}
inline std::string node(const std::string& type, const std::vector<std::string>& inputs,
                        const std::string& output, const std::string& attribute = "") {
  std::string out;
  if (!attribute.empty()) out += bytes(5, attribute);
  for (const auto& input : inputs) out += bytes(1, input);
  return out + bytes(2, output) + bytes(3, output + "_node") + bytes(4, type);
}

struct Graph {
  std::vector<std::string> nodes;
  std::vector<std::string> tensors;
  std::string input;
  std::string output;
};
inline std::string model(const Graph& graph) {
  std::string body;
  for (const auto& entry : graph.nodes) body += bytes(1, entry);
  body += bytes(2, "tiny");
  for (const auto& entry : graph.tensors) body += bytes(5, entry);
  body += bytes(11, graph.input) + bytes(12, graph.output);
  return number(1, 7) + bytes(7, body) + bytes(8, bytes(1, "") + number(2, 11));
}

// A model that returns these values in this shape for every image of `side` pixels.
inline std::string constant_output(int side, const std::vector<int>& shape,
                                   const std::vector<float>& values) {
  const int count = static_cast<int>(values.size());
  const std::vector<float> zeros(values.size() * 3, 0.0F);
  const std::vector<std::int64_t> target(shape.begin(), shape.end());
  return model(
      {.nodes = {node("GlobalAveragePool", {"image"}, "mean"), node("Flatten", {"mean"}, "flat"),
                 node("Gemm", {"flat", "weight", "bias"}, "row", integer("transB", 1)),
                 node("Reshape", {"row", "shape"}, "output")},
       .tensors = {tensor("weight", kFloat, {count, 3}, raw(zeros)),
                   tensor("bias", kFloat, {count}, raw(values)),
                   tensor("shape", kInt64, {static_cast<int>(shape.size())}, raw(target))},
       .input = value_info("image", {1, 3, side, side}),
       .output = value_info("output", shape)});
}

// A model that returns, for each pixel, a weighted sum of red, green and blue plus a constant.
inline std::string pixel_sum(int height, int width, const std::vector<float>& weights, float bias) {
  return model({.nodes = {node("Conv", {"image", "weight", "bias"}, "output",
                               integers("kernel_shape", {1, 1}))},
                .tensors = {tensor("weight", kFloat, {1, 3, 1, 1}, raw(weights)),
                            tensor("bias", kFloat, {1}, raw(std::vector<float>{bias}))},
                .input = value_info("image", {1, 3, height, width}),
                .output = value_info("output", {1, 1, height, width})});
}

}  // namespace pollbus::pedestrian::tiny_onnx
