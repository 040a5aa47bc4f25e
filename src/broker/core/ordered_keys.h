#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/core/batch.h"

namespace pollbus::broker {

// The messages of one subscription that have an ordering key, key by key in the order of their ids.
// Of each key one batch is in flight at a time: what one take() has got, until each of it is gone
// or waits again. A key that is held (its first message backs off, or is being moved to a
// dead-letter topic) is not taken from. Not thread-safe.
class OrderedKeys {
 public:
  // Borrows the message's batch, which must have a key for it.
  void push(const QueuedMessage& message);

  // All messages, and of these those that can be taken.
  std::size_t size() const { return size_; }
  std::size_t available() const { return available_; }

  // The next message to be taken; nullptr when there is none. After the last take_next() of a
  // batch comes end_take().
  const QueuedMessage* next() const;
  QueuedMessage take_next();
  void end_take();

  // The first in flight; nullptr when none is.
  const QueuedMessage* first_in_flight(OrderingKey key) const;
  // The message is in flight no more, nor any behind it: returns these, itself first. They wait.
  std::vector<QueuedMessage> return_from(OrderingKey key, MessageId id);
  // It is gone, wherever it was.
  void remove(OrderingKey key, MessageId id);
  // Removes waiting messages, and returns them.
  std::vector<QueuedMessage> remove_waiting(
      const std::function<bool(const QueuedMessage&)>& is_to_go);
  // Removes everything, and returns it.
  std::vector<QueuedMessage> remove_all();

  // Counted: a key may be held for several of its messages.
  void hold(OrderingKey key);
  void release(OrderingKey key);

  template <typename Visit>
  void visit(Visit visit) const {
    for (const auto& [key, state] : keys_) {
      for (const QueuedMessage& message : state.messages) visit(message);
    }
  }

  // The first message of each key.
  template <typename Visit>
  void visit_first(Visit visit) const {
    for (const auto& [key, state] : keys_) {
      if (!state.messages.empty()) visit(state.messages.front());
    }
  }

 private:
  struct Key {
    std::size_t waiting() const { return messages.size() - in_flight; }

    std::deque<QueuedMessage> messages;  // those in flight first
    std::size_t in_flight = 0;
    std::size_t holds = 0;
    bool is_ready = false;  // stands in ready_, and is counted in available_
  };
  using Keys = absl::flat_hash_map<OrderingKey, Key>;

  static OrderingKey key_of(const QueuedMessage& message) {
    return message.batch->key(message.position);
  }
  // To be called when anything but ready_ has changed: forgets an empty key, lists a ready one.
  void settle(Keys::iterator key);

  Keys keys_;
  std::deque<OrderingKey>
      ready_;  // first come, first taken; those that are ready no more are skipped
  std::size_t size_ = 0;
  std::size_t available_ = 0;
};

}  // namespace pollbus::broker
