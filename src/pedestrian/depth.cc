#include "pedestrian/depth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "base/status.h"
#include "pedestrian/images.h"
#include "pedestrian/onnx.h"

namespace pollbus::pedestrian {
namespace {

constexpr double kPixelScale = 1.0 / 255;
// Mean and standard deviation of red, green and blue in ImageNet, on which depth networks are
// trained.
const cv::Scalar kMean(0.485, 0.456, 0.406);
const cv::Scalar kDeviation(0.229, 0.224, 0.225);
// An inverse depth below this is treated as sky.
constexpr double kLeastInverse = 1e-6;

class PinholeDepth final : public DepthEstimator {
 public:
  PinholeDepth(const DepthConfig& config, const Side& side) : config_(config), side_(side) {}

  absl::StatusOr<std::vector<double>> estimate(const Record&, std::span<const Box> boxes) override {
    std::vector<double> depths;
    for (const Box& box : boxes)
      depths.push_back(config_.scale * pinhole_depth(box, side_.camera, side_.object_height_m));
    return depths;
  }
  std::string description() const override {
    return fmt::format(
        "embedded default: pinhole geometry, objects of {:g} m, focal length {:g} px, camera {:g} "
        "m "
        "above the road, times {:g}",
        side_.object_height_m, side_.camera.focal_px, side_.camera.mounting_height_m,
        config_.scale);
  }

 private:
  const DepthConfig config_;
  const Side side_;
};

class OnnxDepth final : public DepthEstimator {
 public:
  OnnxDepth(const cv::dnn::Net& net, const DepthConfig& config, const Side& side)
      : net_(net), config_(config), side_(side) {}

  absl::StatusOr<std::vector<double>> estimate(const Record& record,
                                               std::span<const Box> boxes) override {
    if (boxes.empty()) return std::vector<double>();
    ASSIGN_OR_RETURN(const auto image, image_of(record, side_.image));
    ASSIGN_OR_RETURN(const auto output, run(image));
    const DepthMap map{{output.ptr<float>(), output.total()},
                       output.size[output.dims - 1],
                       output.size[output.dims - 2]};
    std::vector<double> depths;
    for (const Box& box : boxes) {
      const double median = median_depth(map, box, image.cols, image.rows);
      const bool invert = config_.inverse && std::isfinite(median);
      depths.push_back(config_.scale * (invert ? 1 / std::max(median, kLeastInverse) : median));
    }
    return depths;
  }
  std::string description() const override { return "depth network " + config_.model_file; }

  // The output is one value per pixel, possibly with leading dimensions of size 1.
  absl::StatusOr<cv::Mat> run(const cv::Mat& image) {
    const cv::Size size(static_cast<int>(config_.input_width),
                        static_cast<int>(config_.input_height));
    cv::Mat scaled;
    cv::resize(image, scaled, size, 0, 0, cv::INTER_CUBIC);
    cv::cvtColor(scaled, scaled, cv::COLOR_BGR2RGB);
    scaled.convertTo(scaled, CV_32FC3, kPixelScale);
    cv::subtract(scaled, kMean, scaled);
    cv::divide(scaled, kDeviation, scaled);
    ASSIGN_OR_RETURN(auto output, run_onnx(net_, cv::dnn::blobFromImage(scaled)));
    bool is_map = output.dims >= 2;
    for (int i = 0; i < output.dims - 2; ++i) is_map = is_map && output.size[i] == 1;
    if (is_map) return output;
    const std::vector<int> shape(output.size.p, output.size.p + output.dims);
    return absl::InvalidArgumentError(
        fmt::format("its output is [{}]; expected one depth a pixel: [1,H,W] or [1,1,H,W]",
                    fmt::join(shape, ",")));
  }

 private:
  cv::dnn::Net net_;
  const DepthConfig config_;
  const Side side_;
};

}  // namespace

void DepthConfig::add_to(Settings& settings) {
  settings.text({"model", "DEPTH_MODEL", "FILE",
                 "Depth network as ONNX; without it, pinhole geometry from box and known size"},
                &model_file, check_not_empty);
  settings.integer({"input-width", "DEPTH_INPUT_WIDTH", "PIXELS", "Width of its input"},
                   &input_width, 1, 8'192);
  settings.integer({"input-height", "DEPTH_INPUT_HEIGHT", "PIXELS", "Height of its input"},
                   &input_height, 1, 8'192);
  settings.boolean({"inverse", "DEPTH_INVERSE", "", "It tells inverse depth"}, &inverse);
  settings.number({"scale", "DEPTH_SCALE", "S",
                   "What every depth is multiplied by: for a network that does not tell metres, or "
                   "a perceptron that was trained on another depth"},
                  &scale, 1e-6, 1e6);
}

absl::StatusOr<std::unique_ptr<DepthEstimator>> make_depth_estimator(const DepthConfig& config,
                                                                     const Side& side) {
  if (config.model_file.empty()) return std::make_unique<PinholeDepth>(config, side);
  ASSIGN_OR_RETURN(auto net, load_onnx(config.model_file));
  auto estimator = std::make_unique<OnnxDepth>(std::move(net), config, side);
  const auto tried = estimator->run(cv::Mat::zeros(16, 16, CV_8UC3));
  if (!tried.ok()) return annotate(tried.status(), "model " + config.model_file);
  return estimator;
}

double median_depth(const DepthMap& map, const Box& box, int image_width, int image_height) {
  const auto cell = [](double position, int image, int cells) {
    return std::clamp(static_cast<int>(position * cells / image), 0, cells - 1);
  };
  const int left = cell(box.x1, image_width, map.width);
  const int right = cell(box.x2, image_width, map.width);
  const int top = cell(box.y1, image_height, map.height);
  const int bottom = cell(box.y2, image_height, map.height);
  std::vector<float> inside;
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const float value =
          map.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) +
                     static_cast<std::size_t>(x)];
      if (std::isfinite(value)) inside.push_back(value);
    }
  }
  if (inside.empty()) return std::numeric_limits<double>::infinity();
  const auto middle = inside.begin() + static_cast<std::ptrdiff_t>((inside.size() - 1) / 2);
  std::nth_element(inside.begin(), middle, inside.end());
  return *middle;
}

void drop_beyond(double max_depth_m, std::vector<Box>* boxes, std::vector<double>* depths) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < depths->size(); ++i) {
    // This form of the comparison also drops NaN.
    if (!((*depths)[i] <= max_depth_m)) continue;
    (*boxes)[kept] = (*boxes)[i];
    (*depths)[kept] = (*depths)[i];
    ++kept;
  }
  boxes->resize(kept);
  depths->resize(kept);
}

}  // namespace pollbus::pedestrian
