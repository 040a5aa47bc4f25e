#include "pedestrian/presenter.h"

#include <fmt/format.h>

#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "base/files.h"
#include "base/status.h"
#include "pedestrian/aerial.h"
#include "pedestrian/drawing.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/record.h"

namespace pollbus::pedestrian {
namespace {

constexpr int kFrameWidth = 640;
constexpr int kFrameHeight = 360;
constexpr int kGap = 16;
constexpr int kHeading = 36;
constexpr double kHeadingScale = 0.55;
constexpr double kPedestrianOutlineM = 1;
constexpr const char* kExplanation[] = {
    "Car 1 sees the pedestrian with camera A and measures the offset between them.",
    "Car 2 sees car 1 with camera B and measures the same. Both offsets together give",
    "the place of the pedestrian, whom car 2 cannot see.",
};
constexpr int kExplanationLine = 26;
const cv::Scalar kPaper(244, 244, 244);

std::string error_text(const char* what, const std::optional<Point>& found, Point truth) {
  if (!found) return fmt::format("{}: not found", what);
  return fmt::format("{}: found {:.2f} m off", what, length(*found - truth));
}

void draw_truth(cv::Mat& picture, const View& view, const LabelledScene& truth) {
  const auto outline = [&](Point place, Dimensions size, const cv::Scalar& colour) {
    const PixelRectangle where = aerial_rectangle(place, size);
    draw_outline(picture, {cv::Point(where.left, where.top), cv::Point(where.right, where.bottom)},
                 colour);
  };
  outline(truth.car1, truth.car1_size, colour::kWhite);
  // Wider than a pedestrian: the outline must not cover the place that was found.
  outline(truth.pedestrian, {kPedestrianOutlineM, kPedestrianOutlineM}, colour::kWhite);
  const cv::Point kBelowTheFirstLegend(10, 190);
  draw_legend(picture, kBelowTheFirstLegend,
              {{Symbol::kOutline, colour::kWhite, "true places"},
               {.text = error_text("  car 1", view.car1, truth.car1)},
               {.text = error_text("  pedestrian", view.pedestrian, truth.pedestrian)}});
}

// Scales a camera frame to the size that it has on the sheet, and draws the box that was found.
cv::Mat framed(const std::filesystem::path& file, const std::optional<Box>& box,
               const cv::Scalar& colour) {
  cv::Mat frame(kFrameHeight, kFrameWidth, CV_8UC3, kPaper);
  const auto bytes = read_whole_file(file);
  const auto image = bytes.ok() ? decode_image(*bytes) : bytes.status();
  if (!image.ok()) {
    write_text(frame, "This frame cannot be shown: " + file.filename().string(),
               {kGap, kFrameHeight / 2});
    return frame;
  }
  cv::resize(*image, frame, frame.size(), 0, 0, cv::INTER_AREA);
  if (!box) return frame;
  const double x_scale = static_cast<double>(kFrameWidth) / image->cols;
  const double y_scale = static_cast<double>(kFrameHeight) / image->rows;
  const cv::Rect where(cv::Point(cvRound(box->x1 * x_scale), cvRound(box->y1 * y_scale)),
                       cv::Point(cvRound(box->x2 * x_scale), cvRound(box->y2 * y_scale)));
  cv::rectangle(frame, where, colour::kInk, 4);
  cv::rectangle(frame, where, colour, 2);
  return frame;
}

void paste(cv::Mat& sheet, const cv::Mat& picture, cv::Point place, const std::string& heading) {
  write_text(sheet, heading, place - cv::Point(0, kHeading / 3), kHeadingScale);
  picture.copyTo(sheet(cv::Rect(place, picture.size())));
}

cv::Mat sheet_of(const cv::Mat& picture, const View& view, const LabelledScene& truth,
                 const std::filesystem::path& images) {
  const int right = 2 * kGap + kFrameWidth;
  const int second = 2 * kHeading + kFrameHeight + kGap;
  cv::Mat sheet(std::max(second + kFrameHeight, kHeading + picture.rows) + kGap,
                right + picture.cols + kGap, CV_8UC3, kPaper);
  paste(sheet, framed(images / truth.occluding_image, view.car1_box, colour::kCyan),
        {kGap, kHeading}, "Camera B, on car 2: car 1 is in the way");
  paste(sheet, framed(images / truth.occluded_image, view.pedestrian_box, colour::kMagenta),
        {kGap, second}, "Camera A, on car 1: sees the pedestrian");
  paste(sheet, picture, {right, kHeading}, "From above: what car 2 cannot see, drawn from both");
  cv::Point line(right, kHeading + picture.rows + 2 * kGap);
  for (const char* text : kExplanation) {
    write_text(sheet, text, line, kHeadingScale);
    line.y += kExplanationLine;
  }
  return sheet;
}

}  // namespace

absl::StatusOr<Presenter> Presenter::make(std::vector<LabelledScene> scenes, std::string images) {
  std::map<std::string, LabelledScene> by_timestamp;
  for (LabelledScene& scene : scenes) {
    ASSIGN_OR_RETURN(const auto record, Record::with_timestamp(scene.timestamp));
    by_timestamp[record.timestamp()] = std::move(scene);
  }
  return Presenter(std::move(by_timestamp), std::move(images));
}

const LabelledScene* Presenter::truth_of(const std::string& timestamp) const {
  const auto found = scenes_.find(timestamp);
  return found == scenes_.end() ? nullptr : &found->second;
}

absl::StatusOr<Pictures> Presenter::present(const View& view, std::string picture) const {
  const LabelledScene* const truth = truth_of(view.timestamp);
  if (truth == nullptr) return Pictures{.view = std::move(picture), .sheet = std::nullopt};
  ASSIGN_OR_RETURN(cv::Mat drawn, decode_image(picture));
  draw_truth(drawn, view, *truth);
  Pictures pictures{.view = encode_png(drawn), .sheet = std::nullopt};
  if (!images_.empty()) pictures.sheet = encode_png(sheet_of(drawn, view, *truth, images_));
  return pictures;
}

}  // namespace pollbus::pedestrian
