#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "broker/service/broker.h"
#include "broker/service/delayed_tasks.h"
#include "broker/service/push_policy.h"

namespace pollbus::broker {

class PushConsumer;

// Push delivery over HTTP for all subscriptions that have an endpoint. Thread-safe. Lock order: its
// own lock is taken before the broker's, and before a PushConsumer's.
class PushDelivery {
 public:
  // Borrows `broker`.
  PushDelivery(Broker& broker, PushPolicy policy);
  ~PushDelivery();

  const PushPolicy& policy() const { return policy_; }
  // Begins to push for the subscriptions that were restored. An endpoint that is not valid or not
  // allowed (any more) is logged and left alone; its messages can still be pulled.
  void start();
  // Must be called when a subscription was created, changed or deleted.
  void refresh(const std::string& subscription);
  // Aborts all requests. Nothing is pushed afterwards.
  void stop();

 private:
  absl::Status open_consumer(const google::pubsub::v1::Subscription& subscription);

  Broker& broker_;
  const PushPolicy policy_;
  DelayedTasks tasks_;
  std::mutex mutex_;
  bool is_stopped_ = false;
  std::map<std::string, std::shared_ptr<PushConsumer>> consumers_;
};

}  // namespace pollbus::broker
