// How the leases of a SubscriptionQueue end: with an ack, a nack, an expired deadline, or a move to
// the dead-letter topic.

#include <algorithm>
#include <functional>
#include <utility>

#include "broker/core/subscription_queue.h"

namespace pollbus::broker {
namespace {

// Stale deadlines are removed when they outnumber the valid ones by more than this.
constexpr std::size_t kStaleDeadlinesKept = 64;

}  // namespace

void SubscriptionQueue::schedule(Delivered* delivered, SteadyTime at) {
  delivered->scheduled = at;
  deadlines_.push_back({at, delivered->message.id()});
  std::ranges::push_heap(deadlines_, std::greater<>());
}

std::optional<SteadyTime> SubscriptionQueue::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().at;
}

// Acked messages leave stale entries behind. Rebuilding the heap only when these are the majority
// costs amortized constant time per message.
void SubscriptionQueue::drop_stale_deadlines() {
  if (deadlines_.size() <= 2 * delivered_.size() + kStaleDeadlinesKept) return;
  deadlines_.clear();
  for (auto& [id, delivered] : delivered_) {
    if (delivered.state != State::kLeased && delivered.state != State::kDelayed) continue;
    delivered.scheduled = delivered.deadline;
    deadlines_.push_back({delivered.deadline, id});
  }
  std::ranges::make_heap(deadlines_, std::greater<>());
}

std::size_t SubscriptionQueue::acknowledge(std::span<const AckId> ids,
                                           std::vector<AckOutcome>* outcomes) {
  std::size_t acked = 0;
  for (const AckId& id : ids) {
    const AckOutcome outcome = acknowledge(id);
    if (outcome == AckOutcome::kAccepted) ++acked;
    if (outcomes != nullptr) outcomes->push_back(outcome);
  }
  if (returned_count_ == 0) returned_.clear();
  drop_stale_deadlines();
  wake_idle();
  return acked;
}

AckOutcome SubscriptionQueue::acknowledge(const AckId& id) {
  if (id.subscription != id_) return AckOutcome::kInvalid;
  const auto found = delivered_.find(id.message);
  if (found == delivered_.end()) return AckOutcome::kInvalid;
  Delivered& delivered = found->second;
  const OrderingKey key = key_of(delivered.message);
  const bool is_from_before_seek =
      attempt_base_ > 0 && (id.start != start_ || id.attempt <= attempt_base_);
  const bool needs_lease = rules_.is_exactly_once || key != 0 || is_from_before_seek;
  if (needs_lease && !is_of_current_lease(id, delivered)) return AckOutcome::kInvalid;
  const auto consumer = consumers_.find(delivered.consumer);
  if (consumer != consumers_.end()) ++consumer->second.acked;
  if (key != 0) return acknowledge_in_order(id.message, &delivered, key);
  ++counts_.acked;
  erase(found);
  return AckOutcome::kAccepted;
}

// A message that is acked before an earlier one of its key is only marked: if the earlier one has
// to be delivered again, this one has to be delivered again after it.
AckOutcome SubscriptionQueue::acknowledge_in_order(MessageId id, Delivered* delivered,
                                                   OrderingKey key) {
  if (rules_.is_exactly_once && keys_->first_in_flight(key)->id() != id) {
    return AckOutcome::kUnordered;
  }
  end_lease(delivered);
  delivered->state = State::kAcked;
  finish_acked(key);
  return AckOutcome::kAccepted;
}

void SubscriptionQueue::finish_acked(OrderingKey key) {
  while (const QueuedMessage* first = keys_->first_in_flight(key)) {
    const auto found = delivered_.find(first->id());
    if (found->second.state != State::kAcked) return;
    ++counts_.acked;
    erase(found);
  }
}

// A lease that was resumed after a restart belongs to the last delivery by an earlier process,
// whose attempt may not have been stored before the crash.
bool SubscriptionQueue::is_of_current_lease(const AckId& id, const Delivered& delivered) const {
  if (delivered.state != State::kLeased) return false;
  if (delivered.consumer == kNobody) {
    return id.start != start_ && id.attempt >= delivered.attempt;
  }
  return id.start == start_ && id.attempt == delivered.attempt;
}

SubscriptionQueue::Delivered* SubscriptionQueue::find_lease(const AckId& id) {
  if (id.subscription != id_) return nullptr;
  const auto found = delivered_.find(id.message);
  if (found == delivered_.end() || !is_of_current_lease(id, found->second)) return nullptr;
  return &found->second;
}

void SubscriptionQueue::modify_deadline(std::span<const AckId> ids, std::chrono::nanoseconds lease,
                                        SteadyTime now, std::vector<AckOutcome>* outcomes) {
  for (const AckId& id : ids) {
    Delivered* delivered = find_lease(id);
    if (outcomes != nullptr) {
      outcomes->push_back(delivered == nullptr ? AckOutcome::kInvalid : AckOutcome::kAccepted);
    }
    if (delivered == nullptr) continue;
    if (lease == lease.zero()) {
      nack(id.message, delivered, now);
      continue;
    }
    const auto consumer = consumers_.find(delivered->consumer);
    if (consumer != consumers_.end()) consumer->second.has_extended = true;
    delivered->is_extended = true;
    delivered->deadline = now + lease;
    // expire() notices a later deadline when the scheduled one is reached.
    if (delivered->deadline < delivered->scheduled) schedule(delivered, delivered->deadline);
  }
  drop_stale_deadlines();
  wake_idle();
}

void SubscriptionQueue::nack(MessageId id, Delivered* delivered, SteadyTime now) {
  ++counts_.nacked;
  const auto consumer = consumers_.find(delivered->consumer);
  if (consumer != consumers_.end()) consumer->second.has_nacked = true;
  delivered->nacked_by = delivered->consumer;
  give_up(id, delivered, now);
}

// Returns the messages that came back to the consumer after it had nacked them, and those that it
// has not confirmed to have read, if it usually does.
void SubscriptionQueue::return_unread(ConsumerId consumer, bool confirms_reading) {
  std::vector<MessageId> unread;
  for (const auto& [id, delivered] : delivered_) {
    if (delivered.consumer != consumer || delivered.state != State::kLeased) continue;
    const bool came_back = delivered.nacked_by == consumer;
    if (came_back || (confirms_reading && !delivered.is_extended)) unread.push_back(id);
  }
  std::ranges::sort(unread);
  for (const MessageId id : unread) {
    Delivered& delivered = delivered_.find(id)->second;
    if (delivered.state != State::kLeased) continue;  // returned with an earlier one of its key
    end_lease(&delivered);
    make_available(id, &delivered);
    take_back_behind(id, delivered.message);
  }
}

void SubscriptionQueue::expire(SteadyTime now) {
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    const Deadline due = deadlines_.front();
    std::ranges::pop_heap(deadlines_, std::greater<>());
    deadlines_.pop_back();
    const auto found = delivered_.find(due.message);
    if (found == delivered_.end()) continue;
    Delivered& delivered = found->second;
    const bool waits = delivered.state == State::kLeased || delivered.state == State::kDelayed;
    if (!waits || delivered.scheduled != due.at) continue;
    if (delivered.deadline > now) {
      schedule(&delivered, delivered.deadline);
    } else if (delivered.state == State::kLeased) {
      ++counts_.expired;
      give_up(due.message, &delivered, now);
    } else {
      make_available(due.message, &delivered);
      if (const OrderingKey key = key_of(delivered.message)) keys_->release(key);
    }
  }
  wake_idle();
}

void SubscriptionQueue::give_up(MessageId id, Delivered* delivered, SteadyTime now) {
  end_lease(delivered);
  const std::uint32_t attempts = delivered->message.batch->state(delivered->message.delivery);
  const std::chrono::milliseconds backoff = backoff_after(rules_, attempts);
  const bool is_dead = rules_.max_attempts != 0 && attempts >= rules_.max_attempts;
  const OrderingKey key = key_of(delivered->message);
  if (key != 0 && (is_dead || backoff.count() > 0)) keys_->hold(key);
  if (is_dead) {
    delivered->state = State::kDead;
    requests_->dead.push_back({id_, id});
  } else if (backoff.count() > 0) {
    delivered->state = State::kDelayed;
    delivered->deadline = now + backoff;
    schedule(delivered, delivered->deadline);
  } else {
    make_available(id, delivered);
  }
  take_back_behind(id, delivered->message);
}

void SubscriptionQueue::take_back_behind(MessageId id, const QueuedMessage& message) {
  const OrderingKey key = key_of(message);
  if (key == 0) return;
  for (const QueuedMessage& later : keys_->return_from(key, id)) {
    if (later.id() == id) continue;
    Delivered& taken_back = delivered_.find(later.id())->second;
    if (taken_back.state == State::kLeased) {
      taken_back.nacked_by = taken_back.consumer;
      end_lease(&taken_back);
    }
    taken_back.state = State::kReturned;
  }
}

void SubscriptionQueue::end_lease(Delivered* delivered) {
  --leased_count_;
  give_credit_back(*delivered);
}

void SubscriptionQueue::make_available(MessageId id, Delivered* delivered) {
  delivered->state = State::kReturned;
  if (key_of(delivered->message) != 0) return;
  returned_.push_back(id);
  ++returned_count_;
}

// Removes a message in any state.
void SubscriptionQueue::erase(DeliveredMap::iterator at) {
  Delivered delivered = at->second;
  const MessageId id = at->first;
  delivered_.erase(at);
  if (delivered.state == State::kLeased) end_lease(&delivered);
  if (const OrderingKey key = key_of(delivered.message)) {
    --delivered_keyed_;
    keys_->remove(key, id);
    if (delivered.state == State::kDelayed || delivered.state == State::kDead) keys_->release(key);
  } else if (delivered.state == State::kReturned) {
    --returned_count_;
  }
  batches_->finish(delivered.message);
}

const QueuedMessage* SubscriptionQueue::dead_message(MessageId id) const {
  const auto found = delivered_.find(id);
  const bool is_dead = found != delivered_.end() && found->second.state == State::kDead;
  return is_dead ? &found->second.message : nullptr;
}

void SubscriptionQueue::bury(MessageId id) {
  if (dead_message(id) == nullptr) return;
  erase(delivered_.find(id));
  wake_idle();
}

void SubscriptionQueue::revive(MessageId id) {
  if (dead_message(id) == nullptr) return;
  Delivered& delivered = delivered_.find(id)->second;
  make_available(id, &delivered);
  if (const OrderingKey key = key_of(delivered.message)) keys_->release(key);
  wake_idle();
}

}  // namespace pollbus::broker
