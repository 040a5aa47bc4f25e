#include "pedestrian/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "pedestrian/record.h"

namespace pollbus::pedestrian {
namespace {

std::string place_text(const char* what, const std::optional<Point>& place, const Point* truth) {
  if (!place) return fmt::format("  {} not found", what);
  std::string text = fmt::format("  {} ({:.2f}, {:.2f})", what, place->x, place->y);
  if (truth != nullptr) text += fmt::format(" {:.2f} m off", length(*place - *truth));
  return text;
}

// The smallest value that at least `share` of all values do not exceed.
double quantile(const std::vector<double>& sorted, double share) {
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::string row(const char* what, const Quantiles& values, const char* unit, int digits) {
  if (values.count == 0) return fmt::format("{:<18}{:>8}\n", what, 0);
  return fmt::format("{:<18}{:>8}{:>10.{}f} {}{:>10.{}f} {}\n", what, values.count, values.median,
                     digits, unit, values.p90, digits, unit);
}

nlohmann::json json_of(const Quantiles& values) {
  if (values.count == 0) return {{"count", 0}};
  return {{"count", values.count}, {"median", values.median}, {"p90", values.p90}};
}

}  // namespace

absl::StatusOr<Truths> truths_of(std::span<const LabelledScene> scenes) {
  Truths truths;
  for (const LabelledScene& scene : scenes) {
    ASSIGN_OR_RETURN(const auto record, Record::with_timestamp(scene.timestamp));
    truths[record.timestamp()] = {scene.car1, scene.pedestrian};
  }
  return truths;
}

std::string view_line(const View& view, const Truth* truth) {
  std::string line =
      view.timestamp + place_text("car 1", view.car1, truth ? &truth->car1 : nullptr) +
      place_text("pedestrian", view.pedestrian, truth ? &truth->pedestrian : nullptr);
  if (view.latency_ms) line += fmt::format("  {:.0f} ms", *view.latency_ms);
  return line;
}

Quantiles quantiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.size(), quantile(values, 0.5), quantile(values, 0.9)};
}

Summary summarise(std::span<const View> views, const Truths& truths) {
  std::vector<double> car1;
  std::vector<double> pedestrian;
  std::vector<double> latency;
  Summary summary{.views = views.size()};
  for (const View& view : views) {
    if (!view.car1) ++summary.without_car1;
    if (!view.pedestrian) ++summary.without_pedestrian;
    if (view.latency_ms) latency.push_back(*view.latency_ms);
    const auto truth = truths.find(view.timestamp);
    if (truth == truths.end()) continue;
    if (view.car1) car1.push_back(length(*view.car1 - truth->second.car1));
    if (view.pedestrian) pedestrian.push_back(length(*view.pedestrian - truth->second.pedestrian));
  }
  summary.car1_error_m = quantiles(std::move(car1));
  summary.pedestrian_error_m = quantiles(std::move(pedestrian));
  summary.latency_ms = quantiles(std::move(latency));
  return summary;
}

std::string summary_text(const Summary& summary) {
  return fmt::format("{} views; {} without car 1, {} without the pedestrian\n", summary.views,
                     summary.without_car1, summary.without_pedestrian) +
         fmt::format("{:<18}{:>8}{:>12}{:>12}\n", "", "count", "median", "p90") +
         row("car 1, error", summary.car1_error_m, "m", 3) +
         row("pedestrian, error", summary.pedestrian_error_m, "m", 3) +
         row("latency", summary.latency_ms, "ms", 0);
}

std::string summary_json(const Summary& summary) {
  const nlohmann::json json{{"views", summary.views},
                            {"without_car1", summary.without_car1},
                            {"without_pedestrian", summary.without_pedestrian},
                            {"car1_error_m", json_of(summary.car1_error_m)},
                            {"pedestrian_error_m", json_of(summary.pedestrian_error_m)},
                            {"latency_ms", json_of(summary.latency_ms)}};
  return json.dump(2) + "\n";
}

}  // namespace pollbus::pedestrian
