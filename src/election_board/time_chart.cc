#include "election_board/time_chart.h"

#include <fmt/format.h>

#include <array>

namespace pollbus::election_board {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::array<std::int64_t, 13> kMinutesOfBin{1,   2,   5,   10,  15,    30,    60,
                                                     120, 240, 360, 720, 1'440, 10'080};

// The shortest round length with which the whole time fits into kMaxBins.
std::int64_t bin_length(std::int64_t first, std::int64_t last) {
  for (const std::int64_t minutes : kMinutesOfBin) {
    const std::int64_t length = minutes * kMinute;
    if (last / length - first / length < static_cast<std::int64_t>(kMaxBins)) return length;
  }
  // Far longer than any election: whatever fits.
  const std::int64_t weeks = (last - first) / (static_cast<std::int64_t>(kMaxBins) - 1) /
                                 (kMinutesOfBin.back() * kMinute) +
                             1;
  return weeks * kMinutesOfBin.back() * kMinute;
}

double height_of(const TimeSeries& series, std::int64_t total) {
  return 100.0 - 100.0 * static_cast<double>(total) / static_cast<double>(series.bins.back().total);
}

}  // namespace

TimeSeries make_time_series(const std::vector<PublicCounts::MinuteCount>& minutes) {
  TimeSeries series;
  if (minutes.empty()) return series;
  const std::int64_t first = minutes.front().minute_utc_ms;
  series.bin_ms = bin_length(first, minutes.back().minute_utc_ms);
  const std::int64_t first_bin = first / series.bin_ms;
  const std::int64_t last_bin = minutes.back().minute_utc_ms / series.bin_ms;
  for (std::int64_t bin = first_bin; bin <= last_bin; ++bin)
    series.bins.push_back({.start_utc_ms = bin * series.bin_ms});
  for (const auto& minute : minutes)
    series.bins[static_cast<std::size_t>(minute.minute_utc_ms / series.bin_ms - first_bin)].votes +=
        minute.votes;
  std::int64_t total = 0;
  for (TimeBin& bin : series.bins) bin.total = total += bin.votes;
  if (total == 0) series.bins.clear();
  return series;
}

std::string chart_line(const TimeSeries& series) {
  if (series.bins.empty()) return "M0 100H100";
  std::string path = "M0 100";
  const double width = 100.0 / static_cast<double>(series.bins.size());
  for (std::size_t i = 0; i < series.bins.size(); ++i)
    path += fmt::format("L{:.2f} {:.2f}", width * static_cast<double>(i + 1),
                        height_of(series, series.bins[i].total));
  return path;
}

std::string chart_area(const TimeSeries& series) { return chart_line(series) + "V100H0Z"; }

}  // namespace pollbus::election_board
