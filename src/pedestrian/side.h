#pragma once

#include <cstdint>
#include <string_view>

#include "base/settings.h"
#include "pedestrian/camera.h"

namespace pollbus::pedestrian {

// One half of the pipeline: its camera, the objects it looks for, and the record fields it reads
// and writes. Detection, depth and location are each implemented once and configured with a side.
struct Side {
  const char* detection_stage;
  const char* depth_stage;
  const char* location_stage;
  const char* image;
  const char* boxes;
  const char* labelled_boxes;  // attached by the producer, for detection without a model
  const char* depth;
  const char* longitudinal;
  const char* lateral;
  std::int64_t class_id;  // in the COCO data set
  std::string_view (*embedded_perceptron)();
  Camera camera;
  double object_height_m;
  double max_depth_m;

  // Adds settings for the camera and the height of the objects.
  void add_to(Settings& settings);
};

// Camera A, on the car ahead (car 1), looks for pedestrians.
Side pedestrian_side();
// Camera B, on the ego vehicle (car 2), looks for cars.
Side vehicle_side();

}  // namespace pollbus::pedestrian
