#pragma once

#include <cstdint>
#include <string_view>

#include "base/settings.h"
#include "pedestrian/camera.h"

namespace pollbus::pedestrian {

// One half of the pipeline: which camera it looks through for what, and the fields of a record that
// it reads and writes. Detection, depth and location exist once and are told their side.
struct Side {
  const char* detection_stage;
  const char* depth_stage;
  const char* location_stage;
  const char* image;
  const char* boxes;
  const char* labelled_boxes;  // what the producer attaches for detection without a model
  const char* depth;
  const char* longitudinal;
  const char* lateral;
  std::int64_t class_id;  // in the COCO data set
  std::string_view (*embedded_perceptron)();
  Camera camera;
  double object_height_m;
  double max_depth_m;

  // What a user may know better about camera and objects.
  void add_to(Settings& settings);
};

// Camera A, on the car ahead (car 1), looks for pedestrians.
Side pedestrian_side();
// Camera B, on the ego vehicle (car 2), looks for cars.
Side vehicle_side();

}  // namespace pollbus::pedestrian
