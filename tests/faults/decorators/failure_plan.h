#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/decorators/failpoints.h"

namespace pollbus::faults {

// The steps at which a process crashes, hangs or fails, in the language that tests/faults/README.md
// defines. Thread-safe.
class FailurePlan {
 public:
  static constexpr int kCrashExitCode = 86;

  // `places`: the names that may be used. INVALID_ARGUMENT names every mistake in the text.
  static absl::StatusOr<std::unique_ptr<FailurePlan>> parse(
      const std::string& text, std::span<const std::string_view> places);
  ~FailurePlan();

  // Carries out what is planned for this place. Returns OK to go on, or the error with which the
  // step must fail; does not return from a crash.
  absl::Status reached(std::string_view place);
  // The same as a function, which borrows this plan.
  Failpoints failpoints() {
    return [this](std::string_view place) { return reached(place); };
  }

 private:
  struct Rule;
  FailurePlan();

  std::mutex mutex_;
  std::vector<Rule> rules_;
};

}  // namespace pollbus::faults
