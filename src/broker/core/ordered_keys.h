#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/core/batch.h"

namespace pollbus::broker {

// The messages of one subscription that have an ordering key, per key in the order of their ids.
// One take() may get several messages of a key; the next messages of that key are not taken before
// all of these are gone or wait again. A key can be put on hold, while its first message backs off
// or is moved to the dead-letter topic. Not thread-safe.
class OrderedKeys {
 public:
  // Borrows the message's batch. The message must have a key.
  void push(const QueuedMessage& message);

  // The number of all messages, and of those that can be taken now.
  std::size_t size() const { return size_; }
  std::size_t available() const { return available_; }

  // The next message to take; nullptr when there is none. Call end_take() after the last
  // take_next() of one delivery.
  const QueuedMessage* next() const;
  QueuedMessage take_next();
  void end_take();

  // The first message of the key in flight; nullptr when none is.
  const QueuedMessage* first_in_flight(OrderingKey key) const;
  // Lets the message and all later ones of its key that are in flight wait again; returns them.
  std::vector<QueuedMessage> return_from(OrderingKey key, MessageId id);
  // Removes a message, whether it waits or is in flight.
  void remove(OrderingKey key, MessageId id);
  // Removes and returns the waiting messages for which `is_to_go` is true.
  std::vector<QueuedMessage> remove_waiting(
      const std::function<bool(const QueuedMessage&)>& is_to_go);
  // Removes and returns all messages.
  std::vector<QueuedMessage> remove_all();

  // Puts a key on hold. Each hold needs its own release.
  void hold(OrderingKey key);
  void release(OrderingKey key);

  template <typename Visit>
  void visit(Visit visit) const {
    for (const auto& [key, state] : keys_) {
      for (const QueuedMessage& message : state.messages) visit(message);
    }
  }

  // Calls `visit` for the first message of each key.
  template <typename Visit>
  void visit_first(Visit visit) const {
    for (const auto& [key, state] : keys_) {
      if (!state.messages.empty()) visit(state.messages.front());
    }
  }

 private:
  struct Key {
    std::size_t waiting() const { return messages.size() - in_flight; }

    std::deque<QueuedMessage> messages;  // the ones in flight come first
    std::size_t in_flight = 0;
    std::size_t holds = 0;
    bool is_ready = false;  // listed in ready_ and counted in available_
  };
  using Keys = absl::flat_hash_map<OrderingKey, Key>;

  static OrderingKey key_of(const QueuedMessage& message) {
    return message.batch->key(message.position);
  }
  // Called after a change of the key: erases it if it is empty, lists it in ready_ if it is ready.
  void update_readiness(Keys::iterator key);

  Keys keys_;
  std::deque<OrderingKey> ready_;  // taken from in this order
  std::size_t size_ = 0;
  std::size_t available_ = 0;
};

}  // namespace pollbus::broker
