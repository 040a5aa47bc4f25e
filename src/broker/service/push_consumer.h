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
#include "broker/service/push_message.h"
#include "broker/service/turn.h"

namespace httplib {
class Client;
}

namespace pollbus::broker {

// Pushes what one subscription gets to its endpoint, kMaxPushesInFlight at a time when all goes
// well: an answer that acknowledges is an ack, any other, or none before the ack deadline, a nack.
// After one the endpoint is left alone for a growing time, and then tried with one message. Make it
// with std::make_shared. Thread-safe.
class PushConsumer final : public Consumer, public std::enable_shared_from_this<PushConsumer> {
 public:
  // Borrows both.
  PushConsumer(Broker& broker, DelayedTasks& tasks,
               const google::pubsub::v1::Subscription& subscription);
  ~PushConsumer() override;

  absl::Status open();
  // Aborts the requests that are on their way; their messages are not acked.
  void close();
  void abort();
  SubscriptionId subscription_id() const { return handle_.subscription; }
  // Whether it does what this one asks for.
  bool serves(const google::pubsub::v1::Subscription& subscription) const;

  void wake(WakeList* woken) override;
  void end(const absl::Status& status) override;

 private:
  void pump_soon(SteadyTime at);
  void pump();
  // True when it may be called again at once.
  bool take_some();
  void push(const Delivery& delivery);
  bool post(const Delivery& delivery);
  std::unique_ptr<httplib::Client> take_client();
  void finished(const Delivery& delivery, bool is_acked);

  Broker& broker_;
  DelayedTasks& tasks_;
  const google::pubsub::v1::Subscription subscription_;
  const EndpointParts endpoint_;
  ConsumerHandle handle_;
  Turn turn_;

  std::mutex mutex_;  // never held while the broker is called
  bool is_ended_ = false;
  std::size_t in_flight_ = 0;
  std::size_t window_ = 1;
  Backoff backoff_;
  SteadyTime resumes_at_;
  std::vector<std::unique_ptr<httplib::Client>> idle_;  // connected, most likely
  std::set<httplib::Client*> busy_;
};

}  // namespace pollbus::broker
