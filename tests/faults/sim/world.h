#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "faults/sim/fiber.h"
#include "faults/sim/random.h"

namespace pollbus::faults {

class Process;

// A thread of a simulated process.
struct Thread {
  Thread(Process* its_process, std::function<void()> body)
      : process(its_process), fiber(std::move(body)) {}

  Process* process;
  Fiber fiber;
  std::uint64_t wait = 0;  // number of its current wait; wakes for earlier ones are ignored
};

// Threads that wait for an event.
struct Condition {
  std::vector<std::pair<std::shared_ptr<Thread>, std::uint64_t>> waiting;
};

// Time, chance, and the order in which threads run: the same seed gives the same world. Owns no
// process.
class World {
 public:
  World(std::uint64_t seed, bool is_traced);

  Random& random() { return random_; }
  SteadyTime now() const { return now_; }
  // The true time. The simulation begins at a random moment of a minute.
  WallTime wall_now() const { return wall_begin_ + now_.time_since_epoch(); }
  std::int64_t now_us() const;

  // Runs events in the order of their times, outside of all threads.
  void at(SteadyTime when, std::function<void()> event);
  void after(std::chrono::nanoseconds delay, std::function<void()> event) {
    at(now_ + delay, std::move(event));
  }

  // These are called by the running thread.
  void sleep(std::chrono::nanoseconds duration);
  // Until notify() or the deadline, whichever comes first.
  void wait(Condition& condition, SteadyTime deadline);
  void notify(Condition& condition);
  // Ends the running thread's process, as kill -9 does.
  [[noreturn]] void crash();
  // The process of the running thread; nullptr outside of all threads.
  Process* running() const { return running_ ? running_->process : nullptr; }

  void start(const std::shared_ptr<Thread>& thread);
  // Runs events until there are none, `until` has come, or `is_done`, which is asked after each
  // event. Returns false if it never ends because something happens over and over again.
  bool run(SteadyTime until, const std::function<bool()>& is_done);

  bool is_traced() const { return is_traced_; }
  void trace(const std::string& what);
  const std::string& history() const { return history_; }

 private:
  struct Event {
    SteadyTime at;
    std::uint64_t number = 0;
    std::function<void()> run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return std::pair(a.at, a.number) > std::pair(b.at, b.number);
    }
  };

  void wake(const std::shared_ptr<Thread>& thread, std::uint64_t wait);
  void suspend();

  Random random_;
  WallTime wall_begin_;
  SteadyTime now_{};
  std::uint64_t last_event_ = 0;
  std::vector<Event> events_;  // a heap, the earliest first
  std::shared_ptr<Thread> running_;
  bool is_traced_;
  std::string history_;
};

// One life of a process, whose threads live and die together. It is dead when its destructor
// returns.
class Process {
 public:
  Process(World& world, std::string name) : world_(world), name_(std::move(name)) {}
  ~Process();

  const std::string& name() const { return name_; }
  bool is_alive() const { return is_alive_; }
  std::stop_token stop_token() const { return stop_.get_token(); }

  void spawn(std::function<void()> body);
  // kill -9. Call it from outside of all threads; a thread calls World::crash() instead.
  void kill();
  // SIGTERM.
  void request_stop();
  // SIGSTOP, followed by SIGCONT after this time.
  void freeze(std::chrono::nanoseconds duration);
  bool is_frozen() const { return frozen_until_ > world_.now(); }
  SteadyTime frozen_until() const { return frozen_until_; }

  // Faults do not hit it: it stands for the outside world.
  bool is_sheltered = false;
  // Called when it has ended in any way.
  std::function<void()> on_end = [] {};

  // How far its wall clock is ahead of the true time.
  std::chrono::milliseconds clock_ahead{0};

  // Whether its requests, or the answers to them, are lost.
  bool loses_requests = false;
  bool loses_answers = false;

  Condition stopped;

 private:
  World& world_;
  const std::string name_;
  bool is_alive_ = true;
  SteadyTime frozen_until_{};
  std::stop_source stop_;
  std::vector<std::shared_ptr<Thread>> threads_;
};

// The world's time as a Clock; the wall clock is that of the running process. While a thread
// pauses, all others go on.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(World& world) : world_(world) {}

  SteadyTime now() const override { return world_.now(); }
  WallTime wall_now() const override;
  bool pause(std::chrono::nanoseconds duration, std::stop_token stop) override;

 private:
  World& world_;
};

}  // namespace pollbus::faults
