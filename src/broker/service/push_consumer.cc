#include "broker/service/push_consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "broker/service/delivery_limits.h"

namespace pollbus::broker {
namespace {

constexpr std::size_t kMaxPushesInFlight = 8;
// How long an endpoint that does not acknowledge is left alone, as the service does.
constexpr BackoffPolicy kPushBackoff{.initial = std::chrono::milliseconds(100),
                                     .max = std::chrono::milliseconds(60'000)};

}  // namespace

PushConsumer::PushConsumer(Broker& broker, DelayedTasks& tasks, const PushPolicy& policy,
                           PushEndpoint endpoint,
                           const google::pubsub::v1::Subscription& subscription)
    : broker_(broker),
      tasks_(tasks),
      policy_(policy),
      subscription_(subscription),
      endpoint_(std::move(endpoint)),
      backoff_(kPushBackoff) {}

PushConsumer::~PushConsumer() = default;

absl::Status PushConsumer::open() {
  const FlowLimits limits{.messages = static_cast<std::int64_t>(kMaxPushesInFlight)};
  RETURN_IF_ERROR(
      broker_.open_consumer(subscription_.name(), limits, shared_from_this(), &handle_));
  pump_soon(broker_.clock().now());
  return absl::OkStatus();
}

void PushConsumer::close() {
  end(absl::OkStatus());
  broker_.close_consumer(*handle_);
  abort();
}

void PushConsumer::abort() {
  const std::lock_guard lock(mutex_);
  for (PushClient* client : busy_) client->abort();
}

bool PushConsumer::serves(const google::pubsub::v1::Subscription& subscription) const {
  return subscription.ack_deadline_seconds() == subscription_.ack_deadline_seconds() &&
         subscription.push_config().SerializeAsString() ==
             subscription_.push_config().SerializeAsString();
}

void PushConsumer::wake(WakeList* /*woken*/) { pump_soon(broker_.clock().now()); }

void PushConsumer::end(const absl::Status& /*status*/) {
  const std::lock_guard lock(mutex_);
  is_ended_ = true;
}

void PushConsumer::pump_soon(SteadyTime at) {
  tasks_.post(at, [self = shared_from_this()] { self->pump(); });
}

void PushConsumer::pump() {
  if (!turn_.enter()) return;
  do {
    while (take_some()) {
    }
  } while (!turn_.leave());
}

bool PushConsumer::take_some() {
  std::size_t room = 0;
  const SteadyTime now = broker_.clock().now();
  {
    const std::lock_guard lock(mutex_);
    if (is_ended_ || now < resumes_at_ || in_flight_ >= window_) return false;
    room = window_ - in_flight_;
  }
  // Of an ordering key, the broker lets one response's messages out at a time. With one message in
  // it, the next message of the key follows when this one is acked.
  if (subscription_.enable_message_ordering()) room = 1;
  WakeList woken;
  const auto taken = broker_.take(*handle_, room, kMaxResponseBytes, std::nullopt, &woken);
  Broker::wake(std::move(woken));
  // The subscription was deleted or detached.
  if (!taken.ok()) end(taken.status());
  if (!taken.ok() || taken->empty()) return false;
  {
    const std::lock_guard lock(mutex_);
    in_flight_ += taken->size();
  }
  for (const Delivery& delivery : *taken) {
    tasks_.post(now, [self = shared_from_this(), delivery] { self->push(delivery); });
  }
  return true;
}

void PushConsumer::push(const Delivery& delivery) {
  const absl::Status status = post(delivery);
  finished(delivery, status);
  const AckId id{handle_->subscription, delivery.id, delivery.attempt, delivery.start};
  if (status.ok()) {
    broker_.acknowledge(subscription_.name(), std::span(&id, 1), [](const auto&, const auto&) {});
  } else {
    broker_.modify_deadline(subscription_.name(), std::span(&id, 1), std::chrono::seconds(0),
                            [](const auto&, const auto&) {});
  }
  pump();
}

// OK when the endpoint has acknowledged the message.
absl::Status PushConsumer::post(const Delivery& delivery) {
  std::unique_ptr<PushClient> client = take_client();
  if (client == nullptr) return absl::CancelledError("The push was stopped.");
  const auto answer =
      client->post(push_request(subscription_.name(), subscription_.push_config(), delivery));
  const std::lock_guard lock(mutex_);
  busy_.erase(client.get());
  RETURN_IF_ERROR(answer.status());
  if (!is_ended_) idle_.push_back(std::move(client));
  if (acknowledges(*answer)) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("The endpoint answered {}.", *answer));
}

std::unique_ptr<PushClient> PushConsumer::take_client() {
  const std::lock_guard lock(mutex_);
  if (is_ended_) return nullptr;
  std::unique_ptr<PushClient> client;
  if (idle_.empty()) {
    client = std::make_unique<PushClient>(
        endpoint_, policy_, std::chrono::seconds(subscription_.ack_deadline_seconds()));
  } else {
    client = std::move(idle_.back());
    idle_.pop_back();
  }
  busy_.insert(client.get());
  return client;
}

void PushConsumer::finished(const Delivery& delivery, const absl::Status& status) {
  const SteadyTime now = broker_.clock().now();
  std::optional<SteadyTime> resumes_at;
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    if (status.ok()) {
      backoff_.reset();
      window_ = std::min(2 * window_, kMaxPushesInFlight);
    } else if (now >= resumes_at_ && !is_ended_) {
      window_ = 1;
      resumes_at = resumes_at_ = now + backoff_.next();
    }
  }
  if (!resumes_at) return;
  log_debug("a push was not acknowledged",
            {{"subscription", subscription_.name()}, {"message", delivery.id}, {"reason", status}});
  pump_soon(*resumes_at);
}

}  // namespace pollbus::broker
