// Moves the wall clock of a program that this library is preloaded into (LD_PRELOAD). The file
// MOVED_CLOCK_FILE says by how many seconds, in 8 bytes with the least significant one first; the
// number may change at any time. For Redis, because libfaketime does not work in programs with
// jemalloc.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

const volatile std::int64_t* moved_by = nullptr;

// The mapping stays until the program ends.
__attribute__((constructor)) void map_file() {
  const char* const path = std::getenv("MOVED_CLOCK_FILE");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void* const memory = mmap(nullptr, sizeof *moved_by, PROT_READ, MAP_SHARED, file, 0);
  if (memory != MAP_FAILED) moved_by = static_cast<const volatile std::int64_t*>(memory);
  close(file);
}

std::int64_t seconds() { return moved_by == nullptr ? 0 : *moved_by; }

}  // namespace

// The names and parameters are those of the C library.
extern "C" {

int gettimeofday(timeval* time, void* zone) noexcept {
  const long result = syscall(SYS_gettimeofday, time, zone);
  if (result == 0) time->tv_sec += seconds();
  return static_cast<int>(result);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += seconds();
  return static_cast<int>(result);
}

time_t time(time_t* result) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
