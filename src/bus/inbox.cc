#include "bus/inbox.h"

#include <algorithm>

namespace pollbus {
namespace {

// Reading pauses at this multiple of the outstanding messages and bytes that the server was asked
// to respect. Only a server that ignores flow control sends that much.
constexpr std::int64_t kMaxOverRequested = 2;

}  // namespace

bool Inbox::add(std::vector<Delivery> deliveries) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.now();
  for (Delivery& delivery : deliveries) {
    const auto [lease, is_new] =
        leases_.try_emplace(delivery.ack_id, Lease{now, now, delivery.bytes});
    if (!is_new) continue;
    leased_bytes_ += delivery.bytes;
    delivery.received = now;
    waiting_.push_back(std::move(delivery));
  }
  arrived_.notify_all();
  return has_room_locked();
}

bool Inbox::has_room() const {
  const std::lock_guard lock(mutex_);
  return has_room_locked();
}

bool Inbox::has_room_locked() const {
  return static_cast<std::int64_t>(leases_.size()) <
             kMaxOverRequested * options_.max_outstanding_messages &&
         leased_bytes_ < kMaxOverRequested * options_.max_outstanding_bytes;
}

Inbox::Batch Inbox::take(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait(lock, stop, [this] { return !waiting_.empty(); })) return {};
  if (waiting_.size() >= options_.min_linger_messages) {
    arrived_.wait_until(lock, stop, waiting_.front().received + options_.max_linger,
                        [this] { return waiting_.size() >= options_.max_batch_messages; });
  }
  if (stop.stop_requested()) return {};
  return take_locked(options_.max_batch_messages);
}

Inbox::Batch Inbox::take_locked(std::size_t most) {
  const std::size_t count = std::min(waiting_.size(), most);
  Batch batch;
  batch.messages.reserve(count);
  batch.ack_ids.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    batch.messages.push_back(std::move(waiting_.front().message));
    batch.ack_ids.push_back(waiting_.front().ack_id);
    waiting_.pop_front();
  }
  return batch;
}

void Inbox::release(std::span<const std::string_view> ack_ids) {
  const std::lock_guard lock(mutex_);
  for (const std::string_view ack_id : ack_ids) {
    const auto lease = leases_.find(ack_id);
    if (lease == leases_.end()) continue;
    leased_bytes_ -= lease->second.bytes;
    leases_.erase(lease);
  }
}

std::vector<std::string> Inbox::due_for_extension() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.now();
  std::vector<std::string> due;
  for (auto& [ack_id, lease] : leases_) {
    if (now - lease.extended < options_.ack_deadline / 2 ||
        now - lease.received > options_.max_lease)
      continue;
    lease.extended = now;
    due.emplace_back(ack_id);
  }
  return due;
}

Inbox::Batch Inbox::remove_waiting() {
  Batch batch;
  {
    const std::lock_guard lock(mutex_);
    batch = take_locked(waiting_.size());
  }
  release(batch.ack_ids);
  return batch;
}

std::int64_t Inbox::outstanding() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(leases_.size());
}

}  // namespace pollbus
