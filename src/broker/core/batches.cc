#include "broker/core/batches.h"

#include <utility>

namespace pollbus::broker {
namespace {

// Entries of finished batches are removed when they outnumber the others by more than this.
constexpr std::size_t kStaleEntriesKept = 64;

}  // namespace

Batch* Batches::add(std::unique_ptr<Batch> batch) {
  Batch* const added = batch.get();
  batches_.insert_or_assign(added->first_id(), std::move(batch));
  if (added->body() != nullptr) count_body(*added);
  drop_old_bodies();
  return added;
}

std::uint32_t Batches::add_deliveries(Batch* batch, std::span<const AddedDelivery> added) {
  const std::uint32_t first = batch->add_deliveries(static_cast<std::uint32_t>(added.size()));
  observer_->deliveries_added(*batch, first, added);
  return first;
}

void Batches::set_state(const QueuedMessage& message, DeliveryState state) {
  message.batch->set_state(message.delivery, state);
  observer_->delivery_changed(*message.batch, message.delivery);
}

void Batches::attempted(const QueuedMessage& message) {
  message.batch->count_attempt(message.delivery);
  observer_->delivery_changed(*message.batch, message.delivery);
}

void Batches::not_attempted(const QueuedMessage& message) {
  message.batch->uncount_attempt(message.delivery);
  observer_->delivery_changed(*message.batch, message.delivery);
}

void Batches::finish(const QueuedMessage& message) {
  if (message.batch->finish(message.delivery)) {
    erase(message.batch);
  } else {
    observer_->delivery_changed(*message.batch, message.delivery);
  }
}

void Batches::abandon(const QueuedMessage& message) {
  if (message.batch->finish(message.delivery)) erase(message.batch);
}

void Batches::keep_body(MessageId batch, Body body) {
  const auto found = batches_.find(batch);
  if (found == batches_.end() || found->second->body() != nullptr) return;
  found->second->set_body(std::move(body));
  count_body(*found->second);
  drop_old_bodies();
}

void Batches::count_body(const Batch& batch) {
  cached_.push_back(batch.first_id());
  ++cached_count_;
  cached_bytes_ += batch.body_bytes();
}

void Batches::drop_old_bodies() {
  while (!cached_.empty() && (cached_bytes_ > max_cached_bytes_ ||
                              cached_.size() > 2 * cached_count_ + kStaleEntriesKept)) {
    const MessageId oldest = cached_.front();
    cached_.pop_front();
    const auto found = batches_.find(oldest);
    if (found == batches_.end() || found->second->body() == nullptr) continue;
    if (cached_bytes_ <= max_cached_bytes_) {
      cached_.push_back(oldest);  // only stale entries are to be removed
      continue;
    }
    --cached_count_;
    cached_bytes_ -= found->second->body_bytes();
    found->second->set_body(nullptr);
  }
}

void Batches::erase(Batch* batch) {
  observer_->batch_finished(*batch);
  if (batch->body() != nullptr) {
    --cached_count_;
    cached_bytes_ -= batch->body_bytes();
  }
  batches_.erase(batch->first_id());
}

}  // namespace pollbus::broker
