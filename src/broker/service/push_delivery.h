#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "broker/service/broker.h"
#include "broker/service/delayed_tasks.h"

namespace pollbus::broker {

class PushConsumer;

// Push delivery over HTTP of all subscriptions that have an endpoint. Thread-safe. Lock order: its
// own, then the broker's.
class PushDelivery {
 public:
  // Borrows it.
  explicit PushDelivery(Broker& broker);
  ~PushDelivery();

  // What has been restored.
  void start();
  // To be called when a subscription was made, changed or deleted.
  void refresh(const std::string& subscription);
  // Aborts what is on its way, for ever.
  void stop();

 private:
  Broker& broker_;
  DelayedTasks tasks_;
  std::mutex mutex_;
  bool is_stopped_ = false;
  std::map<std::string, std::shared_ptr<PushConsumer>> consumers_;
};

}  // namespace pollbus::broker
