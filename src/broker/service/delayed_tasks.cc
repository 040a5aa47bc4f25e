#include "broker/service/delayed_tasks.h"

#include <utility>

namespace pollbus::broker {
namespace {

constexpr std::chrono::milliseconds kAbortAgain{50};

}  // namespace

void DelayedTasks::post(SteadyTime at, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return;
  tasks_.emplace(at, std::move(task));
  while (threads_.size() < thread_count_) {
    threads_.emplace_back([this](std::stop_token stop) { run(stop); });
  }
  changed_.notify_one();
}

void DelayedTasks::stop(const std::function<void()>& abort) {
  decltype(tasks_) dropped;  // destroyed without the lock: a destructor may call post()
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    dropped.swap(tasks_);
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  std::unique_lock lock(mutex_);
  while (running_ > 0) {
    lock.unlock();
    abort();
    lock.lock();
    changed_.wait_for(lock, kAbortAgain, [this] { return running_ == 0; });
  }
  lock.unlock();
  threads_.clear();
}

void DelayedTasks::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
    const SteadyTime at = tasks_.begin()->first;
    if (at > clock_.now()) {
      changed_.wait_until(lock, stop, at, [&] {
        return tasks_.empty() || tasks_.begin()->first < at || clock_.now() >= at;
      });
      if (stop.stop_requested()) return;
      continue;
    }
    std::function<void()> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    ++running_;
    lock.unlock();
    std::exchange(task, nullptr)();
    lock.lock();
    if (--running_ == 0 && is_stopped_) changed_.notify_all();
  }
}

}  // namespace pollbus::broker
