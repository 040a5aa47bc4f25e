#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace pollbus::faults {

// A thread of a simulated process: code that blocks, run by one real thread, which decides which
// fiber continues. Resume a fiber only from outside of all fibers, and never suspend it while it
// handles an exception or holds a lock. All fibers of one simulation stay on one real thread.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  // The body must have ended.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs the body until it suspends or ends.
  void resume();
  // Makes the current or next suspend() throw Killed.
  void kill() { is_killed_ = true; }
  bool has_ended() const { return has_ended_; }

  // Thrown by suspend() to unwind the fiber. Do not catch it.
  struct Killed {};
  // Called by the body: returns to the caller of resume().
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
  // The sanitizers' state for the two stacks.
  void* outside_fake_stack_ = nullptr;
  void* inside_fake_stack_ = nullptr;
  const void* outside_bottom_ = nullptr;
  std::size_t outside_size_ = 0;
  void* inside_thread_ = nullptr;
  void* outside_thread_ = nullptr;
};

}  // namespace pollbus::faults
