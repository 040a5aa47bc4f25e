#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "broker/core/batch.h"
#include "broker/core/core_observer.h"

namespace pollbus::broker {

// All batches with deliveries that are not over. Keeps the newest bodies in memory, up to a limit;
// the others are read from the store when they are delivered. Reports each change of a delivery to
// the observer. Not thread-safe.
class Batches {
 public:
  // Borrows `observer`.
  Batches(std::size_t max_cached_bytes, CoreObserver* observer)
      : max_cached_bytes_(max_cached_bytes), observer_(observer) {}

  Batch* add(std::unique_ptr<Batch> batch);
  // Adds deliveries of the batch's messages; returns the number of the first.
  std::uint32_t add_deliveries(Batch* batch, std::span<const AddedDelivery> added);
  // An attempt begins.
  void attempted(const QueuedMessage& message);
  // The attempt did not take place after all.
  void not_attempted(const QueuedMessage& message);
  // Sets the state that is stored. A dead letter that is on its way is kDone in the store while it
  // still counts here, until finish().
  void set_state(const QueuedMessage& message, DeliveryState state);
  // The delivery is over. If it was the last one, the batch is destroyed, and `message` must not be
  // used any more.
  void finish(const QueuedMessage& message);
  // Like finish(), for a deleted subscription, whose deliveries the store ends by itself.
  void abandon(const QueuedMessage& message);

  // Caches a body that was read from the store, unless the batch is gone.
  void keep_body(MessageId batch, Body body);

  std::size_t size() const { return batches_.size(); }
  std::size_t cached_bytes() const { return cached_bytes_; }

 private:
  void count_body(const Batch& batch);
  void drop_old_bodies();
  void erase(Batch* batch);

  const std::size_t max_cached_bytes_;
  CoreObserver* observer_;
  absl::flat_hash_map<MessageId, std::unique_ptr<Batch>> batches_;
  std::deque<MessageId>
      cached_;  // batches with a body, the oldest first; stale entries are skipped
  std::size_t cached_count_ = 0;
  std::size_t cached_bytes_ = 0;
};

}  // namespace pollbus::broker
