#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace pollbus::faults {

// A thread of a simulated process: code that blocks, driven by one real thread, which decides who
// goes on. Resumed from outside of any fiber only; never suspended while an exception is handled or
// a lock is held. All of one simulation stay on one thread.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  // It has ended.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it suspends or ends.
  void resume();
  // Makes the fiber's suspend(), now or the next time, throw Killed.
  void kill() { is_killed_ = true; }
  bool has_ended() const { return has_ended_; }

  // Thrown out of suspend(), to unwind the fiber; caught by nobody else.
  struct Killed {};
  // From inside: back to who resumed it.
  void suspend();

 private:
  class Stack;
  static void enter(unsigned low, unsigned high);
  void run();
  void switch_in();
  void switch_out(bool for_good);

  std::function<void()> body_;
  std::unique_ptr<Stack> stack_;
  ucontext_t inside_{};
  ucontext_t outside_{};
  bool is_killed_ = false;
  bool has_ended_ = false;
  // What the sanitizers want to know of stacks.
  void* outside_fake_stack_ = nullptr;
  void* inside_fake_stack_ = nullptr;
  const void* outside_bottom_ = nullptr;
  std::size_t outside_size_ = 0;
  void* inside_thread_ = nullptr;
  void* outside_thread_ = nullptr;
};

}  // namespace pollbus::faults
