#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "pedestrian/record.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {

// Estimates the distance, in metres, of the object in each box of a record. Not thread-safe.
class DepthEstimator {
 public:
  virtual ~DepthEstimator() = default;

  // One depth per box, in order. INVALID_ARGUMENT when the record lacks a field that is needed.
  virtual absl::StatusOr<std::vector<double>> estimate(const Record& record,
                                                       std::span<const Box> boxes) = 0;
  virtual std::string description() const = 0;
};

struct DepthConfig {
  std::string model_file;  // empty: pinhole geometry
  std::int64_t input_width = 518;
  std::int64_t input_height = 518;
  bool inverse = false;
  double scale = 1;

  void add_to(Settings& settings);
};

// INVALID_ARGUMENT, naming the file and what was expected, when the model is missing or unusable.
absl::StatusOr<std::unique_ptr<DepthEstimator>> make_depth_estimator(const DepthConfig& config,
                                                                     const Side& side);

// A depth map that covers an image of a different size.
struct DepthMap {
  std::span<const float> values;  // row by row
  int width = 0;
  int height = 0;
};

// The median of the values inside the box, or the nearest value when the box is smaller than one
// cell of the map. Infinite when none of them is finite.
double median_depth(const DepthMap& map, const Box& box, int image_width, int image_height);

// Removes boxes that are farther away than this from both lists.
void drop_beyond(double max_depth_m, std::vector<Box>* boxes, std::vector<double>* depths);

}  // namespace pollbus::pedestrian
