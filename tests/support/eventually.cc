#include "support/eventually.h"

#include <thread>

namespace pollbus::testing {
namespace {
constexpr std::chrono::milliseconds kPollIntervalMs{10};
}

bool eventually(std::chrono::milliseconds within, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPollIntervalMs);
  }
  return true;
}

}  // namespace pollbus::testing
