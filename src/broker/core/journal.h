#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/message.h"

namespace pollbus::broker {

struct SubscriptionConfig;

// A batch with the subscriptions that each of its messages goes to.
struct RoutedBatch {
  std::unique_ptr<Batch> batch;
  std::vector<std::uint32_t> counts;          // deliveries of each message
  std::vector<SubscriptionId> subscriptions;  // of each delivery
};

// What one publish comes to: no batch when nobody gets it.
struct Publication {
  std::vector<RoutedBatch> batches;
};

// Is told every change that must outlive the process, in order, by the core's caller's thread and
// under its lock: an implementation only takes notes. Not told: publications, which Core::route()
// hands out and Core::enqueue() takes back once they are durable; and the deliveries of a deleted
// subscription, which are over with it.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void topic_stored(const std::string& /*name*/, const std::string& /*resource*/) {}
  virtual void topic_deleted(const std::string& /*name*/) {}
  virtual void subscription_stored(SubscriptionId /*id*/, const SubscriptionConfig& /*config*/) {}
  virtual void subscription_deleted(SubscriptionId /*id*/) {}
  // The delivery was attempted, or is over. The batch is good until it is finished.
  virtual void delivery_changed(Batch& /*batch*/, std::uint32_t /*delivery*/) {}
  virtual void batch_finished(const Batch& /*batch*/) {}
};

}  // namespace pollbus::broker
