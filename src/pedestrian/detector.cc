#include "pedestrian/detector.h"

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include "base/status.h"
#include "pedestrian/images.h"
#include "pedestrian/onnx.h"

namespace pollbus::pedestrian {
namespace {

// The grey with which YOLO networks pad images in training.
const cv::Scalar kPadding(114, 114, 114);
constexpr double kPixelScale = 1.0 / 255;
constexpr std::int64_t kMaxClasses = 10'000;

std::optional<std::string> check_class_id(const std::string& text) {
  const bool is_number = !text.empty() && text.size() <= 4 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) return std::nullopt;
  return "expected an integer from 0 to 9999";
}

class LabelDetector final : public Detector {
 public:
  explicit LabelDetector(const Side& side) : side_(side) {}

  absl::StatusOr<std::vector<Box>> detect(const Record& record) override {
    if (!record.has(side_.labelled_boxes)) return std::vector<Box>();
    return record.boxes(side_.labelled_boxes);
  }
  std::string description() const override {
    return fmt::format("embedded default: the boxes that the producer attached as {}",
                       side_.labelled_boxes);
  }

 private:
  const Side side_;
};

class YoloDetector final : public Detector {
 public:
  YoloDetector(const cv::dnn::Net& net, const DetectorConfig& config, const Side& side)
      : net_(net), config_(config), side_(side) {}

  absl::StatusOr<std::vector<Box>> detect(const Record& record) override {
    ASSIGN_OR_RETURN(const auto image, image_of(record, side_.image));
    return detect_in(image);
  }
  std::string description() const override { return "YOLO network " + config_.model_file; }

  absl::StatusOr<std::vector<Box>> detect_in(const cv::Mat& image) {
    const int square = static_cast<int>(config_.input_size);
    const auto letterbox = Letterbox::fit(image.cols, image.rows, square);
    cv::Mat input(square, square, CV_8UC3, kPadding);
    cv::resize(image,
               input(cv::Rect(letterbox.left, letterbox.top, letterbox.width, letterbox.height)),
               cv::Size(letterbox.width, letterbox.height));
    ASSIGN_OR_RETURN(const auto output,
                     run_onnx(net_, cv::dnn::blobFromImage(input, kPixelScale, cv::Size(),
                                                           cv::Scalar(), /*swapRB=*/true)));
    const std::vector<int> shape(output.size.p, output.size.p + output.dims);
    ASSIGN_OR_RETURN(const auto layout, yolo_layout(shape, config_.yolo.classes));
    return yolo_boxes({output.ptr<float>(), output.total()}, layout, letterbox, image.cols,
                      image.rows, config_.yolo);
  }

 private:
  cv::dnn::Net net_;
  const DetectorConfig config_;
  const Side side_;
};

}  // namespace

void DetectorConfig::add_to(Settings& settings) {
  settings.text(
      {"model", "DETECTION_MODEL", "FILE",
       "YOLO network as ONNX; without it, the boxes that the producer attached are taken"},
      &model_file, check_not_empty);
  settings.integer({"input-size", "DETECTION_INPUT_SIZE", "PIXELS", "Side of its square input"},
                   &input_size, 1, 8'192);
  settings.number({"confidence", "DETECTION_CONFIDENCE", "C", "The least confidence that counts"},
                  &yolo.confidence, 0, 1);
  settings.number({"overlap", "DETECTION_OVERLAP", "O",
                   "Of two boxes that share more of what they cover, the surer is kept"},
                  &yolo.overlap, 0, 1);
  settings.integer({"classes", "DETECTION_CLASSES", "N", "How many classes the network knows"},
                   &yolo.classes, 1, kMaxClasses);
  settings.texts({"class-id", "DETECTION_CLASS_IDS", "ID",
                  "A class that is kept; default: of the COCO data set, person (0) or car (2)"},
                 &class_ids, check_class_id);
}

absl::StatusOr<std::unique_ptr<Detector>> make_detector(DetectorConfig config, const Side& side) {
  config.yolo.class_ids = {side.class_id};
  if (!config.class_ids.empty()) config.yolo.class_ids.clear();
  for (const std::string& id : config.class_ids) config.yolo.class_ids.push_back(std::stoll(id));
  if (config.model_file.empty()) return std::make_unique<LabelDetector>(side);
  ASSIGN_OR_RETURN(auto net, load_onnx(config.model_file));
  auto detector = std::make_unique<YoloDetector>(std::move(net), config, side);
  const int square = static_cast<int>(config.input_size);
  const auto tried = detector->detect_in(cv::Mat(square, square, CV_8UC3, kPadding));
  if (!tried.ok()) return annotate(tried.status(), "model " + config.model_file);
  return detector;
}

}  // namespace pollbus::pedestrian
