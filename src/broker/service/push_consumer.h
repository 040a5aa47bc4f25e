#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "broker/service/broker.h"
#include "broker/service/delayed_tasks.h"
#include "broker/service/push_client.h"
#include "broker/service/turn.h"

namespace pollbus::broker {

// Posts the messages of one subscription to its endpoint, at most kMaxPushesInFlight at a time, and
// of an ordering key one at a time. An answer that acknowledges is an ack; any other answer, or
// none before the ack deadline, is a nack. After a nack the endpoint is left alone for a growing
// time and then tried with one message. Create it with std::make_shared. Thread-safe.
class PushConsumer final : public Consumer, public std::enable_shared_from_this<PushConsumer> {
 public:
  // Borrows broker, tasks and policy.
  PushConsumer(Broker& broker, DelayedTasks& tasks, const PushPolicy& policy, PushEndpoint endpoint,
               const google::pubsub::v1::Subscription& subscription);
  ~PushConsumer() override;

  absl::Status open();
  // Aborts the requests that are running; their messages are not acked.
  void close();
  void abort();
  SubscriptionId subscription_id() const { return handle_->subscription; }
  // Whether this consumer already does what `subscription` asks for.
  bool serves(const google::pubsub::v1::Subscription& subscription) const;

  void wake(WakeList* woken) override;
  void end(const absl::Status& status) override;

 private:
  void pump_soon(SteadyTime at);
  void pump();
  // True when it may be called again at once.
  bool take_some();
  void push(const Delivery& delivery);
  absl::Status post(const Delivery& delivery);
  // nullptr when the consumer has ended.
  std::unique_ptr<PushClient> take_client();
  void finished(const Delivery& delivery, const absl::Status& status);

  Broker& broker_;
  DelayedTasks& tasks_;
  const PushPolicy& policy_;
  const google::pubsub::v1::Subscription subscription_;
  const PushEndpoint endpoint_;
  std::optional<ConsumerHandle> handle_;
  Turn turn_;

  std::mutex mutex_;  // never held while the broker is called
  bool is_ended_ = false;
  std::size_t in_flight_ = 0;
  std::size_t window_ = 1;
  Backoff backoff_;
  SteadyTime resumes_at_;
  std::vector<std::unique_ptr<PushClient>> idle_;  // most likely still connected
  std::set<PushClient*> busy_;
};

}  // namespace pollbus::broker
