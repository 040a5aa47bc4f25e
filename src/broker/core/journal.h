#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/message.h"

namespace pollbus::broker {

struct LogConfig;
struct SubscriptionConfig;

// A message of a batch that goes to one more queue than those it was published to.
struct AddedDelivery {
  std::uint32_t position = 0;
  SubscriptionId subscription = 0;
};

// A batch with the subscriptions that each of its messages goes to.
struct RoutedBatch {
  std::unique_ptr<Batch> batch;
  std::vector<std::uint32_t> counts;          // deliveries of each message
  std::vector<SubscriptionId> subscriptions;  // of each delivery
  std::vector<AddedDelivery> added;           // later, by Seek or a snapshot
};

// What one publish comes to: no batch when nobody gets it.
struct Publication {
  std::vector<RoutedBatch> batches;
};

// Is told every change that must outlive the process, in order, by the core's caller's thread and
// under its lock: an implementation only takes notes. Not told: publications, which Core::route()
// hands out and Core::enqueue() takes back once they are durable; and the deliveries of a deleted
// subscription or log, which are over with it.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void topic_stored(const std::string& /*name*/, const std::string& /*resource*/) {}
  virtual void topic_deleted(const std::string& /*name*/) {}
  virtual void subscription_stored(SubscriptionId /*id*/, const SubscriptionConfig& /*config*/) {}
  virtual void subscription_deleted(SubscriptionId /*id*/) {}
  virtual void log_stored(SubscriptionId /*id*/, const LogConfig& /*config*/) {}
  virtual void log_deleted(SubscriptionId /*id*/) {}
  // Numbered from `first` on.
  virtual void deliveries_added(Batch& /*batch*/, std::uint32_t /*first*/,
                                std::span<const AddedDelivery> /*added*/) {}
  // The delivery was attempted, or is over. The batch is good until it is finished.
  virtual void delivery_changed(Batch& /*batch*/, std::uint32_t /*delivery*/) {}
  virtual void batch_finished(const Batch& /*batch*/) {}
};

}  // namespace pollbus::broker
