#include "broker/core/subscription_queue.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace pollbus::broker {
namespace {

// This many messages that an earlier process delivered can still be acked with the ids that it gave
// out; any others are delivered again. The bound keeps the time and memory of a start bounded.
constexpr std::size_t kMaxRestoredDeliveries = 100'000;
// A seek adds this to the attempts in ack ids, so that ids from before the seek are recognised. It
// is more than the attempts that a message is likely to have between two seeks.
constexpr std::uint32_t kAttemptsPerSeek = 1'024;

}  // namespace

SubscriptionQueue::SubscriptionQueue(SubscriptionId id, const DeliveryRules& rules,
                                     Batches* batches, QueueRequests* requests, std::uint32_t start)
    : id_(id), start_(start), rules_(rules), batches_(batches), requests_(requests) {
  if (rules.is_ordered) keys_.emplace();
}

void SubscriptionQueue::push(const QueuedMessage& message) {
  if (key_of(message) != 0) {
    keys_->push(message);
  } else {
    fresh_.push_back(message);
  }
  ++counts_.matched;
  wake_idle();
}

void SubscriptionQueue::restore(const QueuedMessage& message) {
  const DeliveryState attempts = message.batch->state(message.delivery);
  if (key_of(message) != 0) {
    keys_->push(message);
  } else if (attempts == 0 || delivered_.size() >= kMaxRestoredDeliveries) {
    fresh_.push_back(message);
  } else {
    delivered_.emplace(message.id(), Delivered{.message = message, .attempt = attempts});
    returned_.push_back(message.id());
    ++returned_count_;
  }
}

void SubscriptionQueue::resume(std::chrono::nanoseconds lease, SteadyTime now) {
  if (!rules_.is_exactly_once && rules_.max_backoff.count() == 0) return;
  returned_count_ = 0;
  for (const MessageId id : std::exchange(returned_, {})) {
    Delivered& delivered = delivered_.find(id)->second;
    if (rules_.is_exactly_once) {
      delivered.state = State::kLeased;
      ++leased_count_;
      delivered.deadline = now + lease;
    } else {
      delivered.state = State::kDelayed;
      delivered.deadline = now + backoff_after(rules_, delivered.attempt);
    }
    schedule(&delivered, delivered.deadline);
  }
}

void SubscriptionQueue::open(ConsumerId consumer, FlowLimits limits) {
  consumers_.emplace(consumer, Consumer{.limits = limits});
}

void SubscriptionQueue::close(ConsumerId consumer, Closing closing) {
  const auto found = consumers_.find(consumer);
  if (found == consumers_.end()) return;
  stop_waiting(consumer, &found->second);
  const bool has_nacked = found->second.has_nacked;
  const bool confirms_reading = closing == Closing::kStreamEnded && found->second.has_extended;
  consumers_.erase(found);
  if (has_nacked || confirms_reading) return_unread(consumer, confirms_reading);
  wake_idle();
}

std::vector<ConsumerId> SubscriptionQueue::consumers() const {
  std::vector<ConsumerId> ids;
  ids.reserve(consumers_.size());
  for (const auto& [id, consumer] : consumers_) ids.push_back(id);
  return ids;
}

void SubscriptionQueue::stop_waiting(ConsumerId consumer, Consumer* state) {
  if (state->state == Consuming::kWoken) {
    --claimants_;
    claimed_ -= state->portion;
  }
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
  measure(&taker, now);
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
  if (keys_) keys_->end_take();
  counts_.delivered += taken.size();
  if (taken.empty()) {
    // If there are messages, the consumer lacks credit.
    const bool can_take = available() == 0 && taker.has_credit();
    taker.state = can_take ? Consuming::kIdle : Consuming::kBlocked;
    if (can_take) idle_.push_back(consumer);
  }
  wake_idle();
  return taken;
}

void SubscriptionQueue::measure(Consumer* consumer, SteadyTime now) {
  const std::chrono::duration<double> period = now - consumer->period_begin;
  if (period < kSoon) return;
  const double acked_soon = static_cast<double>(consumer->acked) * (kSoon / period);
  consumer->portion = std::max<std::size_t>(1, static_cast<std::size_t>(acked_soon));
  consumer->acked = 0;
  consumer->period_begin = now;
}

const QueuedMessage* SubscriptionQueue::next_of(Source source) {
  if (source == Source::kFresh) return fresh_.empty() ? nullptr : &fresh_.front();
  if (source == Source::kKeys) return keys_ ? keys_->next() : nullptr;
  while (returned_count_ > 0) {
    const auto found = delivered_.find(returned_.front());
    if (found != delivered_.end() && found->second.state == State::kReturned) {
      return &found->second.message;
    }
    returned_.pop_front();
  }
  return nullptr;
}

const QueuedMessage* SubscriptionQueue::next_available() {
  for (int i = 0; i < kSources; ++i) {
    if (const QueuedMessage* next = next_of(source_)) return next;
    source_ = after(source_);
  }
  return nullptr;
}

SubscriptionQueue::Delivered* SubscriptionQueue::take_next() {
  if (source_ == Source::kReturned) {
    Delivered* const delivered = &delivered_.find(returned_.front())->second;
    returned_.pop_front();
    --returned_count_;
    return delivered;
  }
  QueuedMessage message;
  if (source_ == Source::kFresh) {
    message = fresh_.front();
    fresh_.pop_front();
  } else {
    message = keys_->take_next();
  }
  const auto [found, is_new] = delivered_.try_emplace(message.id());
  if (is_new) {
    found->second.message = message;
    found->second.attempt = attempt_base_ + message.batch->state(message.delivery);
    if (source_ == Source::kKeys) ++delivered_keyed_;
  }
  return &found->second;
}

// Leases the message that next_available() has just returned.
Delivery SubscriptionQueue::lease_next(ConsumerId consumer, SteadyTime deadline) {
  Delivered* const delivered = take_next();
  source_ = after(source_);
  ++delivered->attempt;
  delivered->state = State::kLeased;
  ++leased_count_;
  delivered->consumer = consumer;
  if (delivered->nacked_by != consumer) delivered->nacked_by = kNobody;
  delivered->is_extended = false;
  delivered->deadline = deadline;
  schedule(delivered, deadline);
  const QueuedMessage& message = delivered->message;
  batches_->attempted(message);
  return {.id = message.id(),
          .attempt = delivered->attempt,
          .start = start_,
          .batch = message.batch->first_id(),
          .begin = message.batch->begin(message.position),
          .bytes = message.bytes(),
          .body = message.batch->body(),
          .shown_attempt = rules_.max_attempts == 0 ? 0u : message.batch->state(message.delivery)};
}

void SubscriptionQueue::give_back(std::span<const Delivery> deliveries) {
  for (auto at = deliveries.rbegin(); at != deliveries.rend(); ++at) {
    Delivered* delivered = find_lease({id_, at->id, at->attempt, start_});
    if (delivered == nullptr) continue;
    --delivered->attempt;
    --counts_.delivered;
    batches_->not_attempted(delivered->message);
    end_lease(delivered);
    make_available(at->id, delivered);
    take_back_behind(at->id, delivered->message);
  }
  wake_idle();
}

void SubscriptionQueue::abandon_all() {
  std::vector<QueuedMessage> all;
  all.reserve(backlog());
  visit([&all](const QueuedMessage& message) { all.push_back(message); });
  for (const QueuedMessage& message : all) batches_->abandon(message);
  fresh_.clear();
  delivered_.clear();
  delivered_keyed_ = 0;
  leased_count_ = 0;
  returned_.clear();
  returned_count_ = 0;
  if (keys_) keys_.emplace();
}

std::optional<std::int64_t> SubscriptionQueue::oldest_published_us() const {
  std::optional<std::int64_t> oldest;
  const auto see = [&oldest](const QueuedMessage& message) {
    const std::int64_t published_us = message.batch->published_us();
    if (!oldest || published_us < *oldest) oldest = published_us;
  };
  if (!fresh_.empty()) see(fresh_.front());
  if (keys_) keys_->visit_first(see);
  for (const auto& [id, delivered] : delivered_) see(delivered.message);
  return oldest;
}

std::size_t SubscriptionQueue::drop_published_before(std::int64_t published_us) {
  const std::size_t backlog_before = backlog();
  const auto is_old = [published_us](const QueuedMessage& message) {
    return message.batch->published_us() < published_us;
  };
  for (; !fresh_.empty() && is_old(fresh_.front()); fresh_.pop_front()) {
    batches_->finish(fresh_.front());
  }
  for (auto at = delivered_.begin(); at != delivered_.end();) {
    const auto delivered = at++;
    const State state = delivered->second.state;
    const bool is_free = state == State::kReturned || state == State::kDelayed;
    if (is_free && key_of(delivered->second.message) == 0 && is_old(delivered->second.message)) {
      erase(delivered);
    }
  }
  if (keys_) drop_waiting_keyed(is_old);
  const std::size_t dropped = backlog_before - backlog();
  counts_.dropped += dropped;
  return dropped;
}

void SubscriptionQueue::drop_waiting_keyed(
    const std::function<bool(const QueuedMessage&)>& is_old) {
  const auto waits_and_is_old = [&](const QueuedMessage& message) {
    if (!is_old(message)) return false;
    const auto found = delivered_.find(message.id());
    return found == delivered_.end() || found->second.state == State::kReturned;
  };
  for (const QueuedMessage& message : keys_->remove_waiting(waits_and_is_old)) {
    delivered_keyed_ -= delivered_.erase(message.id());
    batches_->finish(message);
  }
}

void SubscriptionQueue::seek(const std::function<bool(const QueuedMessage&)>& stays,
                             const std::vector<QueuedMessage>& added) {
  attempt_base_ += kAttemptsPerSeek;
  const std::vector<QueuedMessage> keyed =
      keys_ ? keys_->remove_all() : std::vector<QueuedMessage>();
  std::vector<QueuedMessage> all(fresh_.begin(), fresh_.end());
  fresh_.clear();
  for (const QueuedMessage& message : keyed) {
    const auto found = delivered_.find(message.id());
    if (found == delivered_.end()) {
      all.push_back(message);
    } else if (found->second.state == State::kDead) {
      keys_->push(message);
      keys_->hold(key_of(message));
    }
  }
  for (auto at = delivered_.begin(); at != delivered_.end();) {
    const auto delivered = at++;
    if (delivered->second.state == State::kDead) continue;
    if (delivered->second.state == State::kLeased) end_lease(&delivered->second);
    const QueuedMessage message = delivered->second.message;
    if (key_of(message) != 0) --delivered_keyed_;
    if (delivered->second.state == State::kAcked) {
      batches_->finish(message);
    } else {
      all.push_back(message);
    }
    delivered_.erase(delivered);
  }
  returned_.clear();
  returned_count_ = 0;
  std::erase_if(all, [&](const QueuedMessage& message) {
    const bool goes = !stays(message);
    if (goes) batches_->finish(message);
    return goes;
  });
  all.insert(all.end(), added.begin(), added.end());
  std::ranges::sort(all, {}, &QueuedMessage::id);
  for (const QueuedMessage& message : all) {
    if (key_of(message) != 0) {
      keys_->push(message);
    } else {
      fresh_.push_back(message);
    }
  }
  drop_stale_deadlines();
  wake_idle();
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
  while (!idle_.empty() && claimed_ < available()) {
    Consumer& consumer = consumers_.find(idle_.front())->second;
    consumer.state = Consuming::kWoken;
    ++claimants_;
    claimed_ += consumer.portion;
    requests_->woken.push_back(idle_.front());
    idle_.pop_front();
  }
}

std::vector<QueuedMessage> SubscriptionQueue::oldest(std::size_t most) const {
  std::vector<QueuedMessage> found;  // a heap, the newest first
  visit([&](const QueuedMessage& message) {
    found.push_back(message);
    std::ranges::push_heap(found, {}, &QueuedMessage::id);
    if (found.size() <= most) return;
    std::ranges::pop_heap(found, {}, &QueuedMessage::id);
    found.pop_back();
  });
  std::ranges::sort_heap(found, {}, &QueuedMessage::id);
  return found;
}

bool SubscriptionQueue::is_leased(MessageId id) const {
  const auto found = delivered_.find(id);
  return found != delivered_.end() && found->second.state == State::kLeased;
}

}  // namespace pollbus::broker
