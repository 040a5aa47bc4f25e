#include "pedestrian/drawing.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace pollbus::pedestrian {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kScale = 0.45;
constexpr int kThin = 1;
constexpr int kThick = 2;
constexpr double kPanelOpacity = 0.88;
constexpr int kPadding = 8;
constexpr int kLineHeight = 20;
constexpr int kSymbolWidth = 24;
constexpr int kSymbolHeight = 12;
constexpr double kDash = 7;

// Lightens a part of the picture.
void draw_panel(cv::Mat& picture, const cv::Rect& where) {
  const cv::Rect inside = where & cv::Rect(0, 0, picture.cols, picture.rows);
  if (inside.empty()) return;
  cv::Mat part = picture(inside);
  const cv::Mat white(part.size(), part.type(), colour::kWhite);
  cv::addWeighted(white, kPanelOpacity, part, 1 - kPanelOpacity, 0, part);
}

void draw_symbol(cv::Mat& picture, const LegendLine& line, const cv::Rect& where) {
  const int middle = where.y + where.height / 2;
  const cv::Point left(where.x, middle);
  const cv::Point right(where.x + where.width, middle);
  switch (line.symbol) {
    case Symbol::kNone:
      return;
    case Symbol::kFilled:
      cv::rectangle(picture, where, line.colour, cv::FILLED);
      cv::rectangle(picture, where, colour::kInk, kThin);
      return;
    case Symbol::kLine:
      cv::line(picture, left, right, colour::kInk, kThick + 2, cv::LINE_AA);
      cv::line(picture, left, right, line.colour, kThick, cv::LINE_AA);
      return;
    case Symbol::kDashedLine:
      return draw_dashed_line(picture, left, right, line.colour);
    case Symbol::kOutline:
      return draw_outline(picture, where, line.colour);
  }
}

}  // namespace

cv::Size text_size(const std::string& text, double scale) {
  int below = 0;
  return cv::getTextSize(text, kFont, scale, kThin, &below);
}

void write_text(cv::Mat& picture, const std::string& text, cv::Point place, double scale) {
  cv::putText(picture, text, place, kFont, scale, colour::kInk, kThin, cv::LINE_AA);
}

void write_label(cv::Mat& picture, const std::string& text, cv::Point place) {
  const cv::Size size = text_size(text);
  draw_panel(picture, {place, cv::Size(size.width + kPadding, size.height + kPadding)});
  write_text(picture, text, place + cv::Point(kPadding / 2, size.height + kPadding / 2));
}

cv::Rect draw_legend(cv::Mat& picture, cv::Point upper_left, const std::vector<LegendLine>& lines) {
  int width = 0;
  for (const LegendLine& line : lines) {
    const int symbol = line.symbol == Symbol::kNone ? 0 : kSymbolWidth + kPadding;
    width = std::max(width, symbol + text_size(line.text, kScale).width);
  }
  const cv::Rect panel(
      upper_left,
      cv::Size(width + 2 * kPadding, static_cast<int>(lines.size()) * kLineHeight + kPadding));
  draw_panel(picture, panel);
  cv::Point next = upper_left + cv::Point(kPadding, kPadding / 2);
  for (const LegendLine& line : lines) {
    const int above = (kLineHeight - kSymbolHeight) / 2;
    draw_symbol(picture, line, {next.x, next.y + above, kSymbolWidth, kSymbolHeight});
    const int indent = line.symbol == Symbol::kNone ? 0 : kSymbolWidth + kPadding;
    write_text(picture, line.text, next + cv::Point(indent, above + kSymbolHeight - 1), kScale);
    next.y += kLineHeight;
  }
  return panel;
}

void draw_dashed_line(cv::Mat& picture, cv::Point from, cv::Point to, const cv::Scalar& colour) {
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const auto at = [&](double distance) {
    const double share = std::min(distance / length, 1.0);
    return cv::Point(from.x + static_cast<int>(std::lround(share * (to.x - from.x))),
                     from.y + static_cast<int>(std::lround(share * (to.y - from.y))));
  };
  // Two passes, so that the dark edge of one dash does not cover the dash beside it.
  for (const auto& [ink, width] :
       {std::pair(colour::kInk, kThick + 2), std::pair(colour, kThick)}) {
    for (double start = 0; start < length; start += 2 * kDash)
      cv::line(picture, at(start), at(start + kDash), ink, width, cv::LINE_AA);
  }
}

void draw_outline(cv::Mat& picture, const cv::Rect& where, const cv::Scalar& colour) {
  const cv::Point corners[] = {
      where.tl(), {where.x + where.width, where.y}, where.br(), {where.x, where.y + where.height}};
  for (std::size_t i = 0; i < std::size(corners); ++i)
    draw_dashed_line(picture, corners[i], corners[(i + 1) % std::size(corners)], colour);
}

}  // namespace pollbus::pedestrian
