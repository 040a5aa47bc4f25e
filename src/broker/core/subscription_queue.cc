#include "broker/core/subscription_queue.h"

#include <algorithm>
#include <functional>

namespace pollbus::broker {
namespace {

// Stale deadlines are swept when they outnumber the valid ones by more than this.
constexpr std::size_t kStaleDeadlinesKept = 64;
// Of the messages that an earlier life of the broker has delivered, so many may still be acked by
// the ids that they were delivered with; the rest is delivered again. Bounds what opening takes.
constexpr std::size_t kMaxRestoredDeliveries = 100'000;

}  // namespace

void SubscriptionQueue::push(QueuedMessage message) {
  fresh_.push_back(message);
  ++counts_.matched;
  wake_idle();
}

void SubscriptionQueue::restore(QueuedMessage message) {
  const DeliveryState attempts = message.batch->state(message.delivery);
  if (attempts == 0 || delivered_.size() >= kMaxRestoredDeliveries) {
    fresh_.push_back(message);
    return;
  }
  delivered_.emplace(message.id(), Delivered{.message = message, .attempt = attempts});
  returned_.push_back(message.id());
  ++returned_count_;
}

void SubscriptionQueue::open(ConsumerId consumer, FlowLimits limits) {
  consumers_.emplace(consumer, Consumer{.limits = limits});
}

void SubscriptionQueue::close(ConsumerId consumer) {
  const auto found = consumers_.find(consumer);
  if (found == consumers_.end()) return;
  stop_waiting(consumer, &found->second);
  consumers_.erase(found);
  wake_idle();
}

std::vector<ConsumerId> SubscriptionQueue::consumers() const {
  std::vector<ConsumerId> ids;
  ids.reserve(consumers_.size());
  for (const auto& [id, consumer] : consumers_) ids.push_back(id);
  return ids;
}

void SubscriptionQueue::stop_waiting(ConsumerId consumer, Consumer* state) {
  if (state->state == Consuming::kWoken) --claimants_;
  if (state->state == Consuming::kIdle) std::erase(idle_, consumer);
  state->state = Consuming::kBusy;
}

std::vector<Delivery> SubscriptionQueue::take(ConsumerId consumer, std::size_t max_messages,
                                              std::size_t max_bytes, std::chrono::nanoseconds lease,
                                              SteadyTime now) {
  std::vector<Delivery> taken;
  const auto found = consumers_.find(consumer);
  if (found == consumers_.end()) return taken;
  Consumer& taker = found->second;
  stop_waiting(consumer, &taker);
  const std::size_t share = (available() + claimants_) / (claimants_ + 1);
  const std::size_t most = std::min(max_messages, share);
  taken.reserve(std::min(most, available()));
  std::size_t bytes = 0;
  while (taken.size() < most) {
    const QueuedMessage* next = next_available();
    if (next == nullptr) break;
    const std::size_t size = next->bytes();
    if (!taker.has_credit_for(size) || (!taken.empty() && bytes + size > max_bytes)) break;
    ++taker.messages;
    taker.bytes += static_cast<std::int64_t>(size);
    bytes += size;
    taken.push_back(lease_next(consumer, now + lease));
  }
  counts_.delivered += taken.size();
  if (taken.empty()) {
    // With messages there it is credit that is missing.
    const bool can_take = available() == 0 && taker.has_credit();
    taker.state = can_take ? Consuming::kIdle : Consuming::kBlocked;
    if (can_take) idle_.push_back(consumer);
  }
  wake_idle();
  return taken;
}

const QueuedMessage* SubscriptionQueue::next_available() {
  if (returned_count_ > 0 && (returned_is_next_ || fresh_.empty())) {
    while (true) {
      const auto found = delivered_.find(returned_.front());
      if (found != delivered_.end()) {
        returned_is_next_ = true;
        return &found->second.message;
      }
      returned_.pop_front();
    }
  }
  returned_is_next_ = false;
  return fresh_.empty() ? nullptr : &fresh_.front();
}

// Leases what next_available() has just named.
Delivery SubscriptionQueue::lease_next(ConsumerId consumer, SteadyTime deadline) {
  Delivered* delivered = nullptr;
  if (returned_is_next_) {
    delivered = &delivered_.find(returned_.front())->second;
    returned_.pop_front();
    --returned_count_;
  } else {
    const QueuedMessage message = fresh_.front();
    fresh_.pop_front();
    delivered = &delivered_[message.id()];
    delivered->message = message;
    delivered->attempt = message.batch->state(message.delivery);
  }
  returned_is_next_ = !returned_is_next_;
  ++delivered->attempt;
  delivered->is_leased = true;
  delivered->consumer = consumer;
  delivered->deadline = deadline;
  schedule(delivered, deadline);
  const QueuedMessage& message = delivered->message;
  batches_->attempted(message);
  return {.id = message.id(),
          .attempt = delivered->attempt,
          .batch = message.batch->first_id(),
          .begin = message.batch->begin(message.position),
          .bytes = message.bytes(),
          .body = message.batch->body()};
}

void SubscriptionQueue::schedule(Delivered* delivered, SteadyTime at) {
  delivered->scheduled = at;
  deadlines_.push_back({at, delivered->message.id()});
  std::ranges::push_heap(deadlines_, std::greater<>());
}

void SubscriptionQueue::give_back(std::span<const Delivery> deliveries) {
  for (const Delivery& delivery : deliveries) {
    Delivered* delivered = held_lease({id_, delivery.id, delivery.attempt});
    if (delivered == nullptr) continue;
    --delivered->attempt;
    --counts_.delivered;
    batches_->not_attempted(delivered->message);
    make_available(delivery.id, delivered);
  }
  wake_idle();
}

std::size_t SubscriptionQueue::acknowledge(std::span<const AckId> ids) {
  std::size_t acked = 0;
  for (const AckId& id : ids) {
    if (id.subscription != id_) continue;
    const auto found = delivered_.find(id.message);
    if (found == delivered_.end()) continue;
    const Delivered delivered = std::move(found->second);
    delivered_.erase(found);
    ++counts_.acked;
    ++acked;
    if (delivered.is_leased) {
      give_credit_back(delivered);
    } else {
      --returned_count_;
    }
    batches_->finish(delivered.message);
  }
  if (returned_count_ == 0) returned_.clear();
  drop_stale_deadlines();
  wake_idle();
  return acked;
}

void SubscriptionQueue::abandon_all() {
  for (const QueuedMessage& message : fresh_) batches_->abandon(message);
  for (const auto& [id, delivered] : delivered_) batches_->abandon(delivered.message);
  fresh_.clear();
  delivered_.clear();
  returned_.clear();
  returned_count_ = 0;
}

std::optional<std::int64_t> SubscriptionQueue::oldest_published_us() const {
  std::optional<std::int64_t> oldest;
  const auto see = [&oldest](const QueuedMessage& message) {
    const std::int64_t published_us = message.batch->published_us();
    if (!oldest || published_us < *oldest) oldest = published_us;
  };
  if (!fresh_.empty()) see(fresh_.front());
  for (const auto& [id, delivered] : delivered_) see(delivered.message);
  return oldest;
}

SubscriptionQueue::Delivered* SubscriptionQueue::held_lease(const AckId& id) {
  if (id.subscription != id_) return nullptr;
  const auto found = delivered_.find(id.message);
  if (found == delivered_.end()) return nullptr;
  Delivered& delivered = found->second;
  return delivered.is_leased && delivered.attempt == id.attempt ? &delivered : nullptr;
}

void SubscriptionQueue::modify_deadline(std::span<const AckId> ids, std::chrono::nanoseconds lease,
                                        SteadyTime now) {
  for (const AckId& id : ids) {
    Delivered* delivered = held_lease(id);
    if (delivered == nullptr) continue;
    if (lease == lease.zero()) {
      ++counts_.nacked;
      make_available(id.message, delivered);
      continue;
    }
    delivered->deadline = now + lease;
    // A later deadline is found when the scheduled one has come.
    if (delivered->deadline < delivered->scheduled) schedule(delivered, delivered->deadline);
  }
  drop_stale_deadlines();
  wake_idle();
}

void SubscriptionQueue::expire(SteadyTime now) {
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    const Deadline due = deadlines_.front();
    std::ranges::pop_heap(deadlines_, std::greater<>());
    deadlines_.pop_back();
    const auto found = delivered_.find(due.message);
    if (found == delivered_.end()) continue;
    Delivered& delivered = found->second;
    if (!delivered.is_leased || delivered.scheduled != due.at) continue;
    if (delivered.deadline > now) {
      schedule(&delivered, delivered.deadline);
    } else {
      ++counts_.expired;
      make_available(due.message, &delivered);
    }
  }
  wake_idle();
}

std::optional<SteadyTime> SubscriptionQueue::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().at;
}

// Acked messages leave their deadlines behind; rebuilding once they are the majority costs a
// constant time for each.
void SubscriptionQueue::drop_stale_deadlines() {
  if (deadlines_.size() <= 2 * delivered_.size() + kStaleDeadlinesKept) return;
  deadlines_.clear();
  for (auto& [id, delivered] : delivered_) {
    if (!delivered.is_leased) continue;
    delivered.scheduled = delivered.deadline;
    deadlines_.push_back({delivered.deadline, id});
  }
  std::ranges::make_heap(deadlines_, std::greater<>());
}

void SubscriptionQueue::make_available(MessageId id, Delivered* delivered) {
  delivered->is_leased = false;
  returned_.push_back(id);
  ++returned_count_;
  give_credit_back(*delivered);
}

void SubscriptionQueue::give_credit_back(const Delivered& delivered) {
  const auto found = consumers_.find(delivered.consumer);
  if (found == consumers_.end()) return;
  Consumer& consumer = found->second;
  --consumer.messages;
  consumer.bytes -= static_cast<std::int64_t>(delivered.message.bytes());
  if (consumer.state != Consuming::kBlocked || !consumer.has_credit()) return;
  consumer.state = Consuming::kIdle;
  idle_.push_back(delivered.consumer);
}

void SubscriptionQueue::wake_idle() {
  while (!idle_.empty() && claimants_ < available()) {
    consumers_.find(idle_.front())->second.state = Consuming::kWoken;
    ++claimants_;
    woken_->push_back(idle_.front());
    idle_.pop_front();
  }
}

}  // namespace pollbus::broker
