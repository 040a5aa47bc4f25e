#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stores/results_reader.h"

namespace pollbus::election_board {

// Votes over time, for a chart and the table beside it. Pure functions; thread-safe.

struct TimeBin {
  std::int64_t start_utc_ms = 0;
  std::int64_t votes = 0;  // within the bin
  std::int64_t total = 0;  // up to its end
};

struct TimeSeries {
  std::int64_t bin_ms = 0;
  std::vector<TimeBin> bins;  // without gaps; empty without votes
};

inline constexpr std::size_t kMaxBins = 48;

// Puts the minutes, which are in order, into at most kMaxBins bins of a round length.
TimeSeries make_time_series(const std::vector<PublicCounts::MinuteCount>& minutes);

// The outline of the total as the data of an SVG path in a box of 100 by 100.
std::string chart_line(const TimeSeries& series);
// The same, closed along the bottom, to be filled.
std::string chart_area(const TimeSeries& series);

}  // namespace pollbus::election_board
