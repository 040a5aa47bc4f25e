#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "stores/results_reader.h"

namespace pollbus::election_board {

// Looks up receipts on the thread that serves the pages. After a failure it fails at once for a few
// seconds, so that a database that hangs does not hold up every viewer. Not thread-safe.
class ReceiptLookUp {
 public:
  static constexpr std::chrono::milliseconds kPause{5'000};

  ReceiptLookUp(std::unique_ptr<ResultsReader> reader, Clock& clock)
      : reader_(std::move(reader)), clock_(clock) {}

  // The elections that have a receipt with these first bytes.
  absl::StatusOr<std::vector<std::int64_t>> find(std::string_view prefix);

 private:
  const std::unique_ptr<ResultsReader> reader_;
  Clock& clock_;
  SteadyTime try_again_{};
};

}  // namespace pollbus::election_board
