#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "broker/core/message.h"

namespace pollbus::broker {

// The stored state of one delivery (of one message to one subscription): the number of attempts so
// far, or kDone.
using DeliveryState = std::uint8_t;
constexpr DeliveryState kDone = 255;
constexpr DeliveryState kMaxCountedAttempts = 254;

// Messages that were published together and are stored together, once for all their subscriptions.
// Deliveries are numbered from 0, those of the first message first. The object is small because a
// backlog of a million messages can be a million batches; the body may be in the store only.
class Batch {
 public:
  // `ends`, `body` and `keys` are as in IncomingBatch. No delivery was attempted yet.
  Batch(MessageId first_id, std::int64_t published_us, std::span<const std::uint32_t> ends,
        std::uint32_t deliveries, Body body, std::span<const OrderingKey> keys = {})
      : first_id_(first_id),
        published_us_(published_us),
        body_(std::move(body)),
        ends_(ends.begin(), ends.end()),
        states_(deliveries, 0),
        remaining_(deliveries) {
    if (keys.empty()) return;
    keys_ = std::make_unique<OrderingKey[]>(keys.size());
    std::ranges::copy(keys, keys_.get());
  }

  MessageId first_id() const { return first_id_; }
  std::int64_t published_us() const { return published_us_; }
  std::span<const std::uint32_t> ends() const { return ends_; }
  std::uint32_t begin(std::uint32_t position) const {
    return position == 0 ? 0 : ends_[position - 1];
  }
  std::uint32_t bytes(std::uint32_t position) const { return ends_[position] - begin(position); }
  bool has_keys() const { return keys_ != nullptr; }
  OrderingKey key(std::uint32_t position) const { return keys_ == nullptr ? 0 : keys_[position]; }
  std::uint32_t body_bytes() const { return ends_.back(); }
  const Body& body() const { return body_; }
  void set_body(Body body) { body_ = std::move(body); }

  std::span<const DeliveryState> states() const { return states_; }
  DeliveryState state(std::uint32_t delivery) const { return states_[delivery]; }
  void count_attempt(std::uint32_t delivery) {
    states_[delivery] = std::min<DeliveryState>(states_[delivery] + 1, kMaxCountedAttempts);
  }
  void uncount_attempt(std::uint32_t delivery) {
    if (states_[delivery] > 0) --states_[delivery];
  }
  void set_state(std::uint32_t delivery, DeliveryState state) { states_[delivery] = state; }
  // Adds deliveries, numbered after the existing ones. Returns the first number.
  std::uint32_t add_deliveries(std::uint32_t count) {
    const auto first = static_cast<std::uint32_t>(states_.size());
    states_.resize(first + count, 0);
    remaining_ += count;
    return first;
  }
  // Returns whether it was the last delivery that was not over.
  bool finish(std::uint32_t delivery) {
    states_[delivery] = kDone;
    return --remaining_ == 0;
  }

  // For the store, which keeps no data of its own per batch: whether it holds delivery states of
  // this batch, and whether it holds added deliveries.
  bool has_stored_states() const { return has_stored_states_; }
  void set_has_stored_states() { has_stored_states_ = true; }
  bool has_added() const { return has_added_; }
  void set_has_added() { has_added_ = true; }

 private:
  MessageId first_id_;
  std::int64_t published_us_;
  Body body_;
  absl::InlinedVector<std::uint32_t, 4> ends_;
  absl::InlinedVector<DeliveryState, 16> states_;
  std::unique_ptr<OrderingKey[]> keys_;  // one for each message; nullptr: none has a key
  std::uint32_t remaining_;
  bool has_stored_states_ = false;
  bool has_added_ = false;
};

// One message in a subscription's queue. Its batch exists at least until this delivery is over.
struct QueuedMessage {
  MessageId id() const { return batch->first_id() + position; }
  std::uint32_t bytes() const { return batch->bytes(position); }

  Batch* batch = nullptr;
  std::uint32_t position = 0;
  std::uint32_t delivery = 0;
};

}  // namespace pollbus::broker
