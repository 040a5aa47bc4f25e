#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

// Prepares the input of YOLO detection networks and converts their output to boxes. Pure functions.
namespace pollbus::pedestrian {

struct YoloOptions {
  double confidence = 0.25;  // candidates below this are dropped
  double overlap = 0.45;     // of two boxes with a larger intersection over union, one is dropped
  std::int64_t classes = 80;
  std::vector<std::int64_t> class_ids;  // the ones that are kept
};

// How an image was scaled and centred in the square input of the network.
struct Letterbox {
  double scale = 1;  // pixels of the square per pixel of the image
  int width = 0;     // of the scaled image
  int height = 0;
  int left = 0;  // the position of the scaled image in the square
  int top = 0;

  static Letterbox fit(int image_width, int image_height, int square);
  // Converts from the square to the image.
  Box to_image(const Box& in_square) const;
};

// The memory layout of a network's output.
struct YoloLayout {
  std::size_t candidates = 0;
  std::size_t candidate_stride = 0;
  std::size_t value_stride = 0;
  bool has_objectness = false;  // YOLOv5: a fifth value before the class scores

  float value(std::span<const float> output, std::size_t candidate, std::size_t index) const {
    return output[candidate * candidate_stride + index * value_stride];
  }
};

// Accepts [1,N,5+classes] (YOLOv5) and [1,4+classes,N] (YOLOv8). INVALID_ARGUMENT for other shapes.
absl::StatusOr<YoloLayout> yolo_layout(std::span<const int> shape, std::int64_t classes);

// The boxes of the wanted classes, clipped to the image, the most confident first.
std::vector<Box> yolo_boxes(std::span<const float> output, const YoloLayout& layout,
                            const Letterbox& letterbox, int image_width, int image_height,
                            const YoloOptions& options);

}  // namespace pollbus::pedestrian
