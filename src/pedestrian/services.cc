#include "pedestrian/services.h"

#include <fmt/format.h>

#include "base/status.h"
#include "pedestrian/aerial_view.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/stage_service.h"

namespace pollbus::pedestrian {

int run_detection(Side side, int argc, char** argv) {
  DetectorConfig config;
  return StageProgram{
      .stage = side.detection_stage,
      .purpose = fmt::format("Adds {}: boxes of what it finds in {}.", side.boxes, side.image),
      .add_to = [&](Settings& settings) { config.add_to(settings); },
      .make_step = [&]() -> absl::StatusOr<DescribedStep> {
        ASSIGN_OR_RETURN(std::shared_ptr<Detector> detector, make_detector(config, side));
        return DescribedStep{detection_step(side, detector), detector->description()};
      }}
      .run(argc, argv);
}

int run_depth(Side side, int argc, char** argv) {
  DepthConfig config;
  return StageProgram{
      .stage = side.depth_stage,
      .purpose =
          fmt::format("Adds {}: how far each of {} is; drops those that are too far, and {}.",
                      side.depth, side.boxes, side.image),
      .add_to =
          [&](Settings& settings) {
            config.add_to(settings);
            settings.number({"max-depth", "MAX_DEPTH", "METRES", "What is farther away is dropped"},
                            &side.max_depth_m, 0, 1e6);
            side.add_to(settings);
          },
      .make_step = [&]() -> absl::StatusOr<DescribedStep> {
        ASSIGN_OR_RETURN(std::shared_ptr<DepthEstimator> estimator,
                         make_depth_estimator(config, side));
        return DescribedStep{depth_step(side, estimator), estimator->description()};
      }}
      .run(argc, argv);
}

int run_location(Side side, int argc, char** argv) {
  std::string file;
  return StageProgram{
      .stage = side.location_stage,
      .purpose = fmt::format("Adds {} and {}: metres from the camera's car; drops {}.",
                             side.longitudinal, side.lateral, side.depth),
      .add_to =
          [&](Settings& settings) {
            settings.text({"model", "LOCATION_MODEL", "FILE",
                           "Perceptron as JSON; without it, the one trained on generated scenes"},
                          &file, check_not_empty);
          },
      .make_step = [&]() -> absl::StatusOr<DescribedStep> {
        const bool is_default = file.empty();
        ASSIGN_OR_RETURN(auto perceptron, is_default ? Perceptron::parse(side.embedded_perceptron())
                                                     : Perceptron::load(file));
        return DescribedStep{location_step(side, std::move(perceptron)),
                             is_default
                                 ? "embedded default: a perceptron trained on generated scenes"
                                 : "perceptron " + file};
      }}
      .run(argc, argv);
}

int run_aerial_view(int argc, char** argv) {
  std::string background;
  double focal_px = pedestrian_side().camera.focal_px;
  return StageProgram{.stage = stage::kAerialView,
                      .purpose = "Draws what all stages have found, seen from above: aerialView.",
                      .add_to =
                          [&](Settings& settings) {
                            settings.text({"background", "AERIAL_BACKGROUND", "FILE",
                                           "Picture of the empty road; without it, one is drawn"},
                                          &background, check_not_empty);
                            settings.number({"focal-length", "FOCAL_LENGTH", "PIXELS",
                                             "Focal length of the camera that sees the pedestrian"},
                                            &focal_px, 1, 1e6);
                          },
                      .make_step = [&]() -> absl::StatusOr<DescribedStep> {
                        ASSIGN_OR_RETURN(auto picture, aerial_background(background));
                        return DescribedStep{aerial_view_step(std::move(picture), focal_px),
                                             background.empty()
                                                 ? "embedded default: a plain road that it draws"
                                                 : "background " + background};
                      }}
      .run(argc, argv);
}

}  // namespace pollbus::pedestrian
