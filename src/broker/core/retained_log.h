#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "broker/core/batches.h"
#include "broker/core/filter.h"

namespace pollbus::broker {

// Why a log exists, and how long it keeps messages.
struct LogConfig {
  enum class Kind {
    kTopic,         // a topic's message retention
    kSubscription,  // messages that a subscription retains after they are acked
    kSnapshot,
  };

  Kind kind = Kind::kTopic;
  std::string name;   // of the topic, subscription or snapshot
  std::string topic;  // the topic whose messages the log gets, or kDeletedTopic
  Filter filter;
  std::chrono::seconds retention{0};  // per message; a snapshot keeps all until it expires
  std::int64_t expires_us = 0;        // since 1970; only of a snapshot
  std::string resource;               // the serialized Snapshot; opaque to the core
};

// Messages that are kept so that they can be delivered again, whether or not they were acked. In a
// topic's index and in the store a log looks like a subscription that never acks. Not thread-safe.
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
  // For a log that is being deleted.
  void abandon_all() {
    for (const QueuedMessage& message : messages_) batches_->abandon(message);
    messages_.clear();
  }

  LogConfig config;

 private:
  Batches* batches_;
  std::deque<QueuedMessage> messages_;  // roughly in the order of publishing
};

}  // namespace pollbus::broker
