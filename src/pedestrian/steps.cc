#include "pedestrian/steps.h"

#include <fmt/format.h>

#include "base/status.h"
#include "pedestrian/aerial_view.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/images.h"
#include "pedestrian/pipeline.h"

namespace pollbus::pedestrian {
namespace {

std::string place_text(Point place) { return fmt::format("{:.6f},{:.6f}", place.x, place.y); }

std::string box_text(const Box& box) {
  return fmt::format("{},{},{},{}", box.x1, box.y1, box.x2, box.y2);
}

}  // namespace

Step detection_step(const Side& side, std::shared_ptr<Detector> detector) {
  return [side, detector](Record& record, Attributes&) -> absl::Status {
    ASSIGN_OR_RETURN(const auto boxes, detector->detect(record));
    record.set(side.boxes, boxes);
    return absl::OkStatus();
  };
}

Step depth_step(const Side& side, std::shared_ptr<DepthEstimator> estimator) {
  return [side, estimator](Record& record, Attributes&) -> absl::Status {
    ASSIGN_OR_RETURN(auto boxes, record.boxes(side.boxes));
    ASSIGN_OR_RETURN(auto depths, estimator->estimate(record, boxes));
    drop_beyond(side.max_depth_m, &boxes, &depths);
    record.set(side.boxes, boxes);
    record.set(side.depth, depths);
    record.erase(side.image);
    record.erase(side.labelled_boxes);
    return absl::OkStatus();
  };
}

Step location_step(const Side& side, Perceptron perceptron) {
  return [side, perceptron = std::move(perceptron)](Record& record, Attributes&) -> absl::Status {
    ASSIGN_OR_RETURN(const auto boxes, record.boxes(side.boxes));
    ASSIGN_OR_RETURN(const auto depths, record.numbers(side.depth, boxes.size()));
    std::vector<double> longitudinal;
    std::vector<double> lateral;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const Point way = perceptron.locate(boxes[i], depths[i]);
      longitudinal.push_back(way.x);
      lateral.push_back(way.y);
    }
    record.set(side.longitudinal, longitudinal);
    record.set(side.lateral, lateral);
    record.erase(side.depth);
    return absl::OkStatus();
  };
}

Step aerial_view_step(cv::Mat background, double focal_px) {
  return [background, focal_px](Record& record, Attributes& attributes) -> absl::Status {
    ASSIGN_OR_RETURN(const auto scene, aerial_scene(record, focal_px));
    record.erase_all();
    record.set("aerialView", encode_base64(encode_png(draw_aerial_view(background, scene))));
    if (scene.car1) {
      attributes[kCar1Attribute] = place_text(*scene.car1);
      attributes[kCar1BoxAttribute] = box_text(*scene.car1_box);
    }
    if (scene.pedestrian) {
      attributes[kPedestrianAttribute] = place_text(*scene.pedestrian);
      attributes[kPedestrianBoxAttribute] = box_text(*scene.pedestrian_box);
    }
    return absl::OkStatus();
  };
}

}  // namespace pollbus::pedestrian
