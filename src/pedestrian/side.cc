#include "pedestrian/side.h"

#include "pedestrian/perceptron.h"
#include "pedestrian/pipeline.h"

namespace pollbus::pedestrian {

void Side::add_to(Settings& settings) {
  settings.number({"focal-length", "FOCAL_LENGTH", "PIXELS", "Focal length of the camera"},
                  &camera.focal_px, 1, 1e6);
  settings.number({"camera-height", "CAMERA_HEIGHT", "METRES", "How high it is above the road"},
                  &camera.mounting_height_m, 0.1, 100);
  settings.integer({"image-width", "IMAGE_WIDTH", "PIXELS", "Width of its images"},
                   &camera.width_px, 16, 32'768);
  settings.integer({"image-height", "IMAGE_HEIGHT", "PIXELS", "Height of its images"},
                   &camera.height_px, 16, 32'768);
  settings.number({"object-height", "OBJECT_HEIGHT", "METRES",
                   "How high the objects are taken to be that it looks for"},
                  &object_height_m, 0.1, 100);
}

Side pedestrian_side() {
  return {.detection_stage = stage::kPedestrianDetection,
          .depth_stage = stage::kPedestrianDepth,
          .location_stage = stage::kPedestrianLocation,
          .image = "Occluded_Image_View",
          .boxes = "Pedestrians",
          .labelled_boxes = "Pedestrians_labels",
          .depth = "Pedestrians_depth",
          .longitudinal = "Pedestrians_longitudinal",
          .lateral = "Pedestrians_lateral",
          .class_id = 0,
          .embedded_perceptron = embedded_pedestrian_perceptron,
          .camera = {.focal_px = 2'200},
          .object_height_m = 1.3,
          .max_depth_m = 10};
}

Side vehicle_side() {
  return {.detection_stage = stage::kVehicleDetection,
          .depth_stage = stage::kVehicleDepth,
          .location_stage = stage::kVehicleLocation,
          .image = "Occluding_Image_View",
          .boxes = "vehicles",
          .labelled_boxes = "vehicles_labels",
          .depth = "vehicles_depth",
          .longitudinal = "vehicles_longitudinal",
          .lateral = "vehicles_lateral",
          .class_id = 2,
          .embedded_perceptron = embedded_vehicle_perceptron,
          .camera = {.focal_px = 2'500},
          .object_height_m = 1.488,
          .max_depth_m = 20};
}

}  // namespace pollbus::pedestrian
