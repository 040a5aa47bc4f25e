#include "broker/core/ordered_keys.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pollbus::broker {

void OrderedKeys::push(const QueuedMessage& message) {
  const auto found = keys_.try_emplace(key_of(message)).first;
  Key& key = found->second;
  // Only concurrent publishes with the same key come out of order, so this takes few steps.
  auto at = key.messages.end();
  while (at - key.messages.begin() > static_cast<std::ptrdiff_t>(key.in_flight) &&
         std::prev(at)->id() > message.id()) {
    --at;
  }
  key.messages.insert(at, message);
  ++size_;
  if (key.is_ready) {
    ++available_;
  } else {
    update_readiness(found);
  }
}

void OrderedKeys::update_readiness(Keys::iterator found) {
  Key& key = found->second;
  const bool is_ready = key.in_flight == 0 && key.holds == 0 && !key.messages.empty();
  if (is_ready && !std::exchange(key.is_ready, true)) {
    ready_.push_back(found->first);
    available_ += key.waiting();
  }
  if (key.messages.empty() && key.holds == 0) keys_.erase(found);
}

const QueuedMessage* OrderedKeys::next() const {
  if (available_ == 0) return nullptr;
  const Key& key = keys_.find(ready_.front())->second;
  return &key.messages[key.in_flight];
}

QueuedMessage OrderedKeys::take_next() {
  Key& key = keys_.find(ready_.front())->second;
  const QueuedMessage taken = key.messages[key.in_flight++];
  --available_;
  if (key.waiting() == 0) {
    key.is_ready = false;
    ready_.pop_front();
  }
  return taken;
}

void OrderedKeys::end_take() {
  if (ready_.empty()) return;
  Key& key = keys_.find(ready_.front())->second;
  if (key.in_flight == 0) return;
  available_ -= key.waiting();
  key.is_ready = false;
  ready_.pop_front();
}

const QueuedMessage* OrderedKeys::first_in_flight(OrderingKey id) const {
  const auto found = keys_.find(id);
  if (found == keys_.end() || found->second.in_flight == 0) return nullptr;
  return &found->second.messages.front();
}

std::vector<QueuedMessage> OrderedKeys::return_from(OrderingKey id, MessageId message) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) return {};
  Key& key = found->second;
  const auto end = key.messages.begin() + static_cast<std::ptrdiff_t>(key.in_flight);
  const auto from = std::find_if(key.messages.begin(), end,
                                 [message](const auto& other) { return other.id() == message; });
  std::vector<QueuedMessage> returned(from, end);
  key.in_flight -= returned.size();
  update_readiness(found);
  return returned;
}

void OrderedKeys::remove(OrderingKey id, MessageId message) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) return;
  Key& key = found->second;
  const auto at = std::ranges::find_if(
      key.messages, [message](const auto& other) { return other.id() == message; });
  if (at == key.messages.end()) return;
  const bool was_in_flight = at - key.messages.begin() < static_cast<std::ptrdiff_t>(key.in_flight);
  if (was_in_flight) --key.in_flight;
  key.messages.erase(at);
  --size_;
  if (key.is_ready) {
    --available_;
    if (!key.messages.empty()) return;
    std::erase(ready_, id);
    key.is_ready = false;
  }
  update_readiness(found);
}

std::vector<QueuedMessage> OrderedKeys::remove_waiting(
    const std::function<bool(const QueuedMessage&)>& is_to_go) {
  std::vector<QueuedMessage> removed;
  visit([&](const QueuedMessage& message) {
    if (is_to_go(message)) removed.push_back(message);
  });
  std::erase_if(removed, [this](const QueuedMessage& message) {
    const Key& key = keys_.find(key_of(message))->second;
    const auto end = key.messages.begin() + static_cast<std::ptrdiff_t>(key.in_flight);
    return std::any_of(key.messages.begin(), end,
                       [&](const auto& other) { return other.id() == message.id(); });
  });
  // They are the oldest of the waiting messages, so each is found near the front.
  for (const QueuedMessage& message : removed) remove(key_of(message), message.id());
  return removed;
}

std::vector<QueuedMessage> OrderedKeys::remove_all() {
  std::vector<QueuedMessage> removed;
  removed.reserve(size_);
  visit([&](const QueuedMessage& message) { removed.push_back(message); });
  *this = {};
  return removed;
}

void OrderedKeys::hold(OrderingKey id) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) return;
  Key& key = found->second;
  ++key.holds;
  if (!std::exchange(key.is_ready, false)) return;
  std::erase(ready_, id);
  available_ -= key.waiting();
}

void OrderedKeys::release(OrderingKey id) {
  const auto found = keys_.find(id);
  if (found == keys_.end() || found->second.holds == 0) return;
  --found->second.holds;
  update_readiness(found);
}

}  // namespace pollbus::broker
