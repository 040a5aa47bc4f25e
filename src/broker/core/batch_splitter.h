#pragma once

#include <cstdint>
#include <span>

#include "broker/core/publication.h"

namespace pollbus::broker {

// Limits on a batch, which is stored, read and kept as a whole until its last delivery is over. A
// single message may exceed them.
constexpr std::size_t kMaxBatchBytes = 256 << 10;
constexpr std::size_t kMaxBatchDeliveries = 4'096;

// Cuts the messages of one publish call into batches. Messages without a subscription are left out
// at the end of a batch; if no message has a subscription, there is no batch.
class BatchSplitter {
 public:
  // Borrows both arguments.
  BatchSplitter(const IncomingBatch& incoming, Publication* publication)
      : incoming_(incoming), publication_(publication) {}

  // Adds the next message with its subscriptions.
  void add(std::span<const SubscriptionId> subscriptions);
  void flush();

 private:
  std::uint32_t begin_of(std::size_t position) const {
    return position == 0 ? 0 : incoming_.ends[position - 1];
  }

  const IncomingBatch& incoming_;
  Publication* publication_;
  std::size_t first_ = 0;  // the first message of the current batch
  std::size_t next_ = 0;   // the next message to add
  RoutedBatch routed_;
};

}  // namespace pollbus::broker
