#include "faults/sim/fiber.h"

#include <cassert>
#include <cstdint>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define POLLBUS_ASAN 1
#endif
// cmake/Pollbus.cmake undefines __SANITIZE_THREAD__, so the build defines this instead.
#if defined(POLLBUS_TSAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif

namespace pollbus::faults {
namespace {

#ifdef POLLBUS_ASAN
constexpr std::size_t kStackBytes = 1024 * 1024;
#else
constexpr std::size_t kStackBytes = 256 * 1024;
#endif
constexpr std::size_t kMaxPooledStacks = 64;

}  // namespace

// The memory of a stack, from a pool, because an election creates thousands of fibers.
class Fiber::Stack {
 public:
  Stack() {
    auto& all = pool();
    if (all.empty()) {
      bytes_ = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
    } else {
      bytes_ = std::move(all.back());
      all.pop_back();
    }
  }
  ~Stack() {
    if (auto& all = pool(); all.size() < kMaxPooledStacks) all.push_back(std::move(bytes_));
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void* bottom() const { return bytes_.get(); }

 private:
  static std::vector<std::unique_ptr<std::byte[]>>& pool() {
    thread_local std::vector<std::unique_ptr<std::byte[]>> the;
    return the;
  }
  std::unique_ptr<std::byte[]> bytes_;
};

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(std::make_unique<Stack>()) {
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_->bottom();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
              static_cast<unsigned>(self & 0xffffffff), static_cast<unsigned>(self >> 32));
#ifdef POLLBUS_TSAN_FIBERS
  inside_thread_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  assert(has_ended_);
#ifdef POLLBUS_TSAN_FIBERS
  __tsan_destroy_fiber(inside_thread_);
#endif
}

void Fiber::enter(unsigned low, unsigned high) {
  const auto self = static_cast<std::uintptr_t>(high) << 32 | std::uintptr_t{low};
  // makecontext() passes integers only.
  reinterpret_cast<Fiber*>(self)->run();  // NOLINT(performance-no-int-to-ptr)
}

void Fiber::run() {
#ifdef POLLBUS_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &outside_bottom_, &outside_size_);
#endif
  try {
    if (!is_killed_) body_();
  } catch (const Killed&) {  // the stack is unwound now
  }
  body_ = nullptr;
  has_ended_ = true;
  switch_out(/*for_good=*/true);
}

void Fiber::resume() {
  assert(!has_ended_);
  switch_in();
}

void Fiber::suspend() {
  if (is_killed_) throw Killed();
  switch_out(/*for_good=*/false);
  if (is_killed_) throw Killed();
}

void Fiber::switch_in() {
#ifdef POLLBUS_ASAN
  __sanitizer_start_switch_fiber(&outside_fake_stack_, stack_->bottom(), kStackBytes);
#endif
#ifdef POLLBUS_TSAN_FIBERS
  outside_thread_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(inside_thread_, 0);
#endif
  swapcontext(&outside_, &inside_);
#ifdef POLLBUS_ASAN
  __sanitizer_finish_switch_fiber(outside_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::switch_out([[maybe_unused]] bool for_good) {
#ifdef POLLBUS_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &inside_fake_stack_, outside_bottom_,
                                 outside_size_);
#endif
#ifdef POLLBUS_TSAN_FIBERS
  __tsan_switch_to_fiber(outside_thread_, 0);
#endif
  swapcontext(&inside_, &outside_);
#ifdef POLLBUS_ASAN
  __sanitizer_finish_switch_fiber(inside_fake_stack_, &outside_bottom_, &outside_size_);
#endif
}

}  // namespace pollbus::faults
