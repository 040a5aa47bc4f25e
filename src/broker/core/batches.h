#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "broker/core/batch.h"
#include "broker/core/journal.h"

namespace pollbus::broker {

// All batches that have deliveries ahead of them. Keeps the newest bodies in memory, up to a bound;
// the others are read from the store when they are delivered. Tells the journal what becomes of
// each delivery. Not thread-safe.
class Batches {
 public:
  // Borrows `journal`.
  Batches(std::size_t max_cached_bytes, Journal* journal)
      : max_cached_bytes_(max_cached_bytes), journal_(journal) {}

  Batch* add(std::unique_ptr<Batch> batch);
  // Messages of the batch go to more queues; returns the number of the first delivery.
  std::uint32_t add_deliveries(Batch* batch, std::span<const AddedDelivery> added);
  // The attempt that begins.
  void attempted(const QueuedMessage& message);
  // The attempt did not take place.
  void not_attempted(const QueuedMessage& message);
  // On its way to a dead-letter topic: over in the store, but not here before finish(); or not over
  // after all.
  void set_state(const QueuedMessage& message, DeliveryState state);
  // Acknowledged, or nobody's any more. The batch of the last one is gone then: `message` is not to
  // be looked into afterwards.
  void finish(const QueuedMessage& message);
  // The same for one whose subscription is gone, which the store knows without being told.
  void abandon(const QueuedMessage& message);

  // A body that was read from the store; dropped when the batch is gone.
  void keep_body(MessageId batch, Body body);

  std::size_t size() const { return batches_.size(); }
  std::size_t cached_bytes() const { return cached_bytes_; }

 private:
  void count_body(const Batch& batch);
  void drop_old_bodies();
  void erase(Batch* batch);

  const std::size_t max_cached_bytes_;
  Journal* journal_;
  absl::flat_hash_map<MessageId, std::unique_ptr<Batch>> batches_;
  std::deque<MessageId> cached_;  // with a body, the oldest first; finished ones are skipped
  std::size_t cached_count_ = 0;
  std::size_t cached_bytes_ = 0;
};

}  // namespace pollbus::broker
