#include "broker/service/push_consumer.h"

#include <httplib.h>

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "broker/service/delivery_limits.h"

namespace pollbus::broker {
namespace {

constexpr std::size_t kMaxPushesInFlight = 8;
constexpr std::chrono::seconds kConnectDeadline_s{5};
// Of an endpoint that does not acknowledge, as of the service.
constexpr BackoffPolicy kPushBackoff{.initial = std::chrono::milliseconds(100),
                                     .max = std::chrono::milliseconds(60'000)};

}  // namespace

PushConsumer::PushConsumer(Broker& broker, DelayedTasks& tasks,
                           const google::pubsub::v1::Subscription& subscription)
    : broker_(broker),
      tasks_(tasks),
      subscription_(subscription),
      endpoint_(parts_of(subscription.push_config().push_endpoint())),
      backoff_(kPushBackoff) {}

PushConsumer::~PushConsumer() = default;

absl::Status PushConsumer::open() {
  const FlowLimits limits{.messages = static_cast<std::int64_t>(kMaxPushesInFlight)};
  ASSIGN_OR_RETURN(handle_,
                   broker_.open_consumer(subscription_.name(), limits, shared_from_this()));
  pump_soon(broker_.clock().now());
  return absl::OkStatus();
}

void PushConsumer::close() {
  end(absl::OkStatus());
  broker_.close_consumer(handle_);
  abort();
}

void PushConsumer::abort() {
  const std::lock_guard lock(mutex_);
  for (httplib::Client* client : busy_) client->stop();
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
  WakeList woken;
  const auto taken = broker_.take(handle_, room, kMaxResponseBytes, std::nullopt, &woken);
  Broker::wake(std::move(woken));
  // The subscription is gone, or gets nothing any more.
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
  const bool is_acked = post(delivery);
  finished(delivery, is_acked);
  const AckId id{handle_.subscription, delivery.id, delivery.attempt};
  if (is_acked) {
    broker_.acknowledge(subscription_.name(), std::span(&id, 1), [](const auto&, const auto&) {});
  } else {
    broker_.modify_deadline(subscription_.name(), std::span(&id, 1), std::chrono::seconds(0),
                            [](const auto&, const auto&) {});
  }
  pump();
}

bool PushConsumer::post(const Delivery& delivery) {
  std::unique_ptr<httplib::Client> client = take_client();
  if (client == nullptr) return false;
  const PushRequest request =
      push_request(subscription_.name(), subscription_.push_config(), delivery);
  const httplib::Result result =
      client->Post(endpoint_.path, httplib::Headers(request.headers.begin(), request.headers.end()),
                   request.body, request.content_type);
  const std::lock_guard lock(mutex_);
  busy_.erase(client.get());
  const bool is_acked = result && acknowledges(result->status);
  // The library keeps a connection that still works.
  if (result && !is_ended_) idle_.push_back(std::move(client));
  return is_acked;
}

// nullptr when it has ended.
std::unique_ptr<httplib::Client> PushConsumer::take_client() {
  const std::lock_guard lock(mutex_);
  if (is_ended_) return nullptr;
  std::unique_ptr<httplib::Client> client;
  if (idle_.empty()) {
    client = std::make_unique<httplib::Client>(endpoint_.server);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    client->set_connection_timeout(kConnectDeadline_s);
    client->set_read_timeout(std::chrono::seconds(subscription_.ack_deadline_seconds()));
    client->set_write_timeout(std::chrono::seconds(subscription_.ack_deadline_seconds()));
  } else {
    client = std::move(idle_.back());
    idle_.pop_back();
  }
  busy_.insert(client.get());
  return client;
}

void PushConsumer::finished(const Delivery& delivery, bool is_acked) {
  const SteadyTime now = broker_.clock().now();
  std::optional<SteadyTime> resumes_at;
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    if (is_acked) {
      backoff_.reset();
      window_ = std::min(2 * window_, kMaxPushesInFlight);
    } else if (now >= resumes_at_ && !is_ended_) {
      window_ = 1;
      resumes_at = resumes_at_ = now + backoff_.next();
    }
  }
  if (!resumes_at) return;
  log_debug("a push was not acknowledged",
            {{"subscription", subscription_.name()}, {"message", delivery.id}});
  pump_soon(*resumes_at);
}

}  // namespace pollbus::broker
