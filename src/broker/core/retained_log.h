#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

#include "broker/core/batches.h"
#include "broker/core/filter.h"

namespace pollbus::broker {

// What a log is kept for, and how long.
struct LogConfig {
  enum class Kind {
    kTopic,         // a topic's message retention
    kSubscription,  // what a subscription retains after acks
    kSnapshot,
  };

  Kind kind = Kind::kTopic;
  std::string name;   // of the topic, subscription or snapshot
  std::string topic;  // whose messages it gets, or kDeletedTopic
  Filter filter;
  std::chrono::seconds retention{0};  // of a message; a snapshot keeps all until it expires
  std::int64_t expires_us = 0;        // since 1970; of a snapshot
  std::string resource;               // of a snapshot, serialized; the core does not look into it
};

// Messages that are kept to be delivered again, whatever became of their deliveries: in a topic's
// index and in the store a log is like a subscription whose messages nobody acks. Not thread-safe.
class RetainedLog {
 public:
  // Borrows `batches`.
  RetainedLog(LogConfig its_config, Batches* batches)
      : config(std::move(its_config)), batches_(batches) {}

  void push(const QueuedMessage& message) { messages_.push_back(message); }
  const std::deque<QueuedMessage>& messages() const { return messages_; }

  void drop_published_before(std::int64_t published_us) {
    for (; !messages_.empty() && messages_.front().batch->published_us() < published_us;
         messages_.pop_front()) {
      batches_->finish(messages_.front());
    }
  }
  // The log is being deleted.
  void abandon_all() {
    for (const QueuedMessage& message : messages_) batches_->abandon(message);
    messages_.clear();
  }

  LogConfig config;

 private:
  Batches* batches_;
  std::deque<QueuedMessage> messages_;  // nearly in the order of publishing
};

}  // namespace pollbus::broker
