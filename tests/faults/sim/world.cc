#include "faults/sim/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace pollbus::faults {
namespace {

// Far more than an election needs.
constexpr std::size_t kMaxEvents = 2'000'000;

}  // namespace

World::World(std::uint64_t seed, bool is_traced) : random_(seed), is_traced_(is_traced) {
  constexpr std::chrono::milliseconds kBegin{1'709'908'090'964};
  wall_begin_ = WallTime(
      kBegin + random_.between(std::chrono::milliseconds(0), std::chrono::milliseconds(60'000)));
}

std::int64_t World::now_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch()).count();
}

void World::at(SteadyTime when, std::function<void()> event) {
  events_.push_back({std::max(when, now_), ++last_event_, std::move(event)});
  std::ranges::push_heap(events_, Later());
}

void World::suspend() {
  const std::shared_ptr<Thread> self = running_;
  self->fiber.suspend();
}

void World::sleep(std::chrono::nanoseconds duration) {
  const std::shared_ptr<Thread> self = running_;
  at(now_ + duration, [this, self, wait = ++self->wait] { wake(self, wait); });
  suspend();
}

void World::wait(Condition& condition, SteadyTime deadline) {
  const std::shared_ptr<Thread> self = running_;
  const std::uint64_t wait = ++self->wait;
  condition.waiting.emplace_back(self, wait);
  at(deadline, [this, self, wait] { wake(self, wait); });
  suspend();
}

void World::notify(Condition& condition) {
  for (auto& [thread, wait] : condition.waiting)
    at(now_, [this, thread = std::move(thread), wait = wait] { wake(thread, wait); });
  condition.waiting.clear();
}

void World::crash() {
  Process* const process = running();
  if (is_traced_) trace(fmt::format("{} crashes", process->name()));
  at(now_, [process] { process->kill(); });
  while (true) suspend();
}

void World::start(const std::shared_ptr<Thread>& thread) {
  at(now_, [this, thread, wait = ++thread->wait] { wake(thread, wait); });
}

void World::wake(const std::shared_ptr<Thread>& thread, std::uint64_t wait) {
  if (thread->wait != wait || thread->fiber.has_ended()) return;
  if (thread->process->is_alive() && thread->process->is_frozen()) {
    at(thread->process->frozen_until(), [this, thread, wait] { wake(thread, wait); });
    return;
  }
  running_ = thread;
  thread->fiber.resume();
  running_.reset();
}

bool World::run(SteadyTime until, const std::function<bool()>& is_done) {
  for (std::size_t count = 0; !events_.empty() && events_.front().at <= until; ++count) {
    if (count == kMaxEvents) return false;
    std::ranges::pop_heap(events_, Later());
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    event.run();
    if (is_done()) return true;
  }
  now_ = std::max(now_, until);
  return true;
}

void World::trace(const std::string& what) {
  history_ += fmt::format("{:>12.3f} ms  {}\n", static_cast<double>(now_us()) / 1'000, what);
}

Process::~Process() {
  on_end = [] {};
  kill();
}

void Process::spawn(std::function<void()> body) {
  threads_.push_back(std::make_shared<Thread>(this, std::move(body)));
  world_.start(threads_.back());
}

void Process::kill() {
  if (!is_alive_) return;
  is_alive_ = false;
  for (const auto& thread : threads_) {
    if (thread->fiber.has_ended()) continue;
    thread->fiber.kill();
    thread->fiber.resume();
  }
  on_end();
}

void Process::request_stop() {
  stop_.request_stop();
  world_.notify(stopped);
}

void Process::freeze(std::chrono::nanoseconds duration) {
  frozen_until_ = std::max(frozen_until_, world_.now() + duration);
}

WallTime SimulatedClock::wall_now() const {
  const Process* const process = world_.running();
  return world_.wall_now() +
         (process == nullptr ? std::chrono::milliseconds(0) : process->clock_ahead);
}

bool SimulatedClock::pause(std::chrono::nanoseconds duration, std::stop_token stop) {
  const SteadyTime end = world_.now() + duration;
  while (!stop.stop_requested() && world_.now() < end) world_.wait(world_.running()->stopped, end);
  return !stop.stop_requested();
}

}  // namespace pollbus::faults
