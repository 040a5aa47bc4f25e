#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "bus/publisher.h"

namespace pollbus::testing {

// Records what is published, and fails when a test says so. Thread-safe, except for its hooks,
// which must be set before it is used.
class FakePublisher final : public Publisher {
 public:
  using Publisher::publish;

  // Called first, without a lock; publish() returns its error, if any.
  std::function<absl::Status(std::span<const Message>)> on_publish = [](std::span<const Message>) {
    return absl::OkStatus();
  };

  absl::Status publish(std::span<const Message> batch, std::stop_token /*stop*/) override {
    absl::Status outcome = on_publish(batch);
    const std::lock_guard lock(mutex_);
    ++tries_;
    changed_.notify_all();
    if (!outcome.ok()) return outcome;
    published_.insert(published_.end(), batch.begin(), batch.end());
    return absl::OkStatus();
  }

  // All messages that were published, in order.
  std::vector<Message> published() const {
    const std::lock_guard lock(mutex_);
    return published_;
  }
  // The number of calls of publish(), including failed ones.
  int tries() const {
    const std::lock_guard lock(mutex_);
    return tries_;
  }
  // Waits until this many messages are published. Returns false after a timeout.
  bool wait_for(std::size_t messages) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return published_.size() >= messages; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Message> published_;
  int tries_ = 0;
};

}  // namespace pollbus::testing
