#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "broker/core/batch.h"
#include "broker/core/message.h"
#include "broker/core/publication.h"

namespace pollbus::broker {

struct LogConfig;
struct SubscriptionConfig;

// The core reports every change that must survive a restart to its observer, in order. The calls
// come from the thread that calls the core, under the core's lock, so an implementation may only
// take notes. Two kinds of change are not reported: publications, which Core::route() returns and
// Core::enqueue() gets back once they are durable, and the end of the deliveries of a deleted
// subscription or log, which follows from the deletion. Every method does nothing by default.
class CoreObserver {
 public:
  virtual ~CoreObserver() = default;
  virtual void topic_stored(const std::string& /*name*/, const std::string& /*resource*/) {}
  virtual void topic_deleted(const std::string& /*name*/) {}
  virtual void schema_stored(const std::string& /*name*/, const std::string& /*resource*/) {}
  virtual void schema_deleted(const std::string& /*name*/) {}
  virtual void subscription_stored(SubscriptionId /*id*/, const SubscriptionConfig& /*config*/) {}
  virtual void subscription_deleted(SubscriptionId /*id*/) {}
  virtual void log_stored(SubscriptionId /*id*/, const LogConfig& /*config*/) {}
  virtual void log_deleted(SubscriptionId /*id*/) {}
  // The added deliveries are numbered from `first` on.
  virtual void deliveries_added(Batch& /*batch*/, std::uint32_t /*first*/,
                                std::span<const AddedDelivery> /*added*/) {}
  // The delivery was attempted, or it is over. The batch stays valid until batch_finished().
  virtual void delivery_changed(Batch& /*batch*/, std::uint32_t /*delivery*/) {}
  virtual void batch_finished(const Batch& /*batch*/) {}
};

}  // namespace pollbus::broker
