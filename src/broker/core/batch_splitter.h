#pragma once

#include <cstdint>
#include <span>

#include "broker/core/journal.h"

namespace pollbus::broker {

// A batch is stored, read and kept as a whole until its last delivery is over, so that it is
// bounded: but for a single message that is beyond these by itself.
constexpr std::size_t kMaxBatchBytes = 256 << 10;
constexpr std::size_t kMaxBatchDeliveries = 4'096;

// Cuts the messages of one publish into batches. Messages that go to nobody are left out where
// they stand at the end of a batch, and nothing is made of a publish that goes to nobody at all.
class BatchSplitter {
 public:
  // Borrows both.
  BatchSplitter(const IncomingBatch& incoming, Publication* publication)
      : incoming_(incoming), publication_(publication) {}

  // The subscriptions of the next message.
  void add(std::span<const SubscriptionId> subscriptions);
  void flush();

 private:
  std::uint32_t begin_of(std::size_t position) const {
    return position == 0 ? 0 : incoming_.ends[position - 1];
  }

  const IncomingBatch& incoming_;
  Publication* publication_;
  std::size_t first_ = 0;  // the first message of the batch in the making
  std::size_t next_ = 0;   // the next message to be added
  RoutedBatch routed_;
};

}  // namespace pollbus::broker
