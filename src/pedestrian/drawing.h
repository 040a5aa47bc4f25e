#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

// Draws text, legends and dashed lines on 8-bit blue-green-red pictures. Whatever lies outside the
// picture is clipped. Pure functions but for the picture they draw on.
namespace pollbus::pedestrian {

namespace colour {
inline const cv::Scalar kBlue(255, 0, 0);
inline const cv::Scalar kCyan(255, 255, 0);
inline const cv::Scalar kMagenta(255, 0, 255);
inline const cv::Scalar kWhite(255, 255, 255);
inline const cv::Scalar kBlack(0, 0, 0);
inline const cv::Scalar kInk(48, 40, 36);
inline const cv::Scalar kAmber(0, 190, 255);
}  // namespace colour

// Writes one line of dark text; `place` is the lower left corner of its first letter.
void write_text(cv::Mat& picture, const std::string& text, cv::Point place, double scale = 0.45);
cv::Size text_size(const std::string& text, double scale = 0.45);

// Writes the text on a light label, so that it is legible on any background; `place` is the upper
// left corner of the label.
void write_label(cv::Mat& picture, const std::string& text, cv::Point place);

// The sign before the text of a legend line.
enum class Symbol { kNone, kFilled, kLine, kDashedLine, kOutline };
struct LegendLine {
  Symbol symbol = Symbol::kNone;
  cv::Scalar colour;
  std::string text;
};
// Draws a light panel with one line of text below the other. Returns its rectangle.
cv::Rect draw_legend(cv::Mat& picture, cv::Point upper_left, const std::vector<LegendLine>& lines);

void draw_dashed_line(cv::Mat& picture, cv::Point from, cv::Point to, const cv::Scalar& colour);
// A dashed rectangle with a dark edge around it.
void draw_outline(cv::Mat& picture, const cv::Rect& where, const cv::Scalar& colour);

}  // namespace pollbus::pedestrian
