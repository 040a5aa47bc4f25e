#include "broker/service/memory_trimmer.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <fstream>

#include "base/logging.h"

namespace pollbus::broker {
namespace {

constexpr std::chrono::milliseconds kInterval{2'000};
// Freed memory that the process may keep: a busy broker uses it again.
constexpr std::size_t kMaxUnusedBytes = 128 << 20;

std::size_t resident_bytes() {
  std::size_t total_pages = 0;
  std::size_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void trim_if_wasteful() {
  const struct mallinfo2 heap = ::mallinfo2();
  const std::size_t resident = resident_bytes();
  if (resident <= heap.uordblks + heap.hblkhd + kMaxUnusedBytes) return;
  ::malloc_trim(0);
  log_debug("unused memory was returned to the system",
            {{"resident_before", resident}, {"resident_after", resident_bytes()}});
}

}  // namespace

std::jthread trim_memory(Clock& clock) {
  return std::jthread([&clock](std::stop_token stop) {
    while (clock.pause(kInterval, stop)) trim_if_wasteful();
  });
}

}  // namespace pollbus::broker
