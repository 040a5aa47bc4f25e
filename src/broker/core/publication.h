#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/message.h"

namespace pollbus::broker {

// A stored message that Seek or a snapshot sends to one more subscription or log.
struct AddedDelivery {
  std::uint32_t position = 0;  // of the message in its batch
  SubscriptionId subscription = 0;
};

// A batch with the subscriptions that each of its messages goes to.
struct RoutedBatch {
  std::unique_ptr<Batch> batch;
  std::vector<std::uint32_t> counts;          // number of deliveries of each message
  std::vector<SubscriptionId> subscriptions;  // one for each delivery
  std::vector<AddedDelivery> added;           // deliveries added after publishing
};

// The result of routing one publish call. It has no batch when no subscription gets a message.
struct Publication {
  std::vector<RoutedBatch> batches;
  std::uint64_t number = 0;  // counts the calls of Core::route()
};

}  // namespace pollbus::broker
