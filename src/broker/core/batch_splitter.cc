#include "broker/core/batch_splitter.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pollbus::broker {

void BatchSplitter::add(std::span<const SubscriptionId> subscriptions) {
  const std::size_t bytes = incoming_.ends[next_] - begin_of(first_);
  const std::size_t deliveries = routed_.subscriptions.size() + subscriptions.size();
  if (next_ > first_ && (bytes > kMaxBatchBytes || deliveries > kMaxBatchDeliveries)) flush();
  if (subscriptions.empty() && routed_.subscriptions.empty()) {
    first_ = ++next_;
    return;
  }
  ++next_;
  routed_.counts.push_back(static_cast<std::uint32_t>(subscriptions.size()));
  routed_.subscriptions.insert(routed_.subscriptions.end(), subscriptions.begin(),
                               subscriptions.end());
}

void BatchSplitter::flush() {
  RoutedBatch routed = std::exchange(routed_, {});
  const std::size_t first = std::exchange(first_, next_);
  while (!routed.counts.empty() && routed.counts.back() == 0) routed.counts.pop_back();
  if (routed.counts.empty()) return;
  const std::uint32_t begin = begin_of(first);
  const std::size_t count = routed.counts.size();
  std::vector<std::uint32_t> ends;
  ends.reserve(count);
  for (std::size_t i = first; i < first + count; ++i) ends.push_back(incoming_.ends[i] - begin);
  const bool is_all = begin == 0 && ends.back() == incoming_.body->size();
  Body body = is_all ? incoming_.body
                     : std::make_shared<const std::string>(*incoming_.body, begin, ends.back());
  std::span<const OrderingKey> keys;
  if (!incoming_.keys.empty()) keys = std::span(incoming_.keys).subspan(first, count);
  if (std::ranges::all_of(keys, [](OrderingKey key) { return key == 0; })) keys = {};
  const auto published_us =
      std::chrono::duration_cast<std::chrono::microseconds>(incoming_.published.time_since_epoch())
          .count();
  routed.batch = std::make_unique<Batch>(incoming_.first_id + first, published_us, ends,
                                         static_cast<std::uint32_t>(routed.subscriptions.size()),
                                         std::move(body), keys);
  publication_->batches.push_back(std::move(routed));
}

}  // namespace pollbus::broker
