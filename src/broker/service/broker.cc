#include "broker/service/broker.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

// Leases that end within this time of each other are handled together.
constexpr std::chrono::milliseconds kTimerGranularity{10};
// Messages that could not be read from the store are tried again after this.
constexpr std::chrono::milliseconds kReadAgainPause{1'000};

// What retention and expiration remove at a time is logged one by one up to this number.
constexpr std::size_t kMaxRemovalsLogged = 20;

// Ids grow across restarts too, so that no id is ever used for two messages.
MessageId first_message_id(WallTime now) {
  return static_cast<MessageId>(
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
}

}  // namespace

Broker::Broker(CoreOptions options, Clock& clock, BrokerMetrics* metrics, Storage storage)
    : clock_(clock),
      metrics_(metrics),
      storage_(std::move(storage)),
      next_message_id_(first_message_id(clock.wall_now())),
      core_(options, observer()),
      timer_thread_([this](std::stop_token stop) { run_timer(stop); }) {}

Broker::~Broker() {
  timer_thread_.request_stop();
  timer_thread_.join();
  committer_.reset();  // first: it still releases what it has written
}

// Creates the committer, which the core will report its changes to.
CoreObserver* Broker::observer() {
  if (storage_.store == nullptr) return &keeps_nothing_;
  Committer::Hooks hooks{
      .release = [this](std::vector<Committer::Waiting> written) { release(std::move(written)); },
      .next_message_id = [this] { return next_message_id_.load(); },
      .on_storage = storage_.on_change};
  committer_.emplace(*storage_.store, mutex_, clock_, *metrics_, std::move(hooks));
  return &committer_->notes();
}

void Broker::on_expiry(std::function<void(const std::string&)> expired) {
  const std::lock_guard lock(mutex_);
  expired_ = std::move(expired);
}

absl::Status Broker::restore() {
  return with_core([this](Core& core) -> absl::Status {
    if (storage_.store != nullptr) {
      RETURN_IF_ERROR(storage_.store->restore(&core));
      committer_->notes().restore_last_subscription(core.last_subscription());
      next_message_id_ = std::max(next_message_id_.load(), storage_.store->next_message_id());
    }
    core.resume(clock_.now());
    core.advance(clock_.now(), wall_us());
    // Under the lock, so that no error of the committer can come first.
    storage_.on_change(absl::OkStatus());
    return absl::OkStatus();
  });
}

std::int64_t Broker::wall_us() const {
  const auto since_epoch = clock_.wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
}

MessageId Broker::reserve_message_ids(std::size_t count) {
  return next_message_id_.fetch_add(count, std::memory_order_relaxed);
}

void Broker::publish(const std::string& topic, const IncomingBatch& incoming, Done done) {
  WakeList woken;
  const absl::Status status = [&]() -> absl::Status {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(admit());
    const SteadyTime begin = clock_.now();
    ASSIGN_OR_RETURN(Publication publication, core_.route(topic, incoming));
    metrics_->matched(clock_.now() - begin);
    if (committer_ && !publication.batches.empty()) {
      committer_->submit({std::move(publication), incoming.body->size(), std::exchange(done, {})});
      return absl::OkStatus();
    }
    // Without a store, or without a recipient: nothing has to be written before the answer.
    std::ignore = core_.enqueue(std::move(publication));
    after_core_call(&woken);
    return absl::OkStatus();
  }();
  if (done != nullptr) done(status);
  wake(std::move(woken));
}

void Broker::release(std::vector<Committer::Waiting> written) {
  WakeList woken;
  {
    const std::lock_guard lock(mutex_);
    for (Committer::Waiting& waiting : written) {
      // A snapshot that has got the message is written before the publish is answered.
      if (core_.enqueue(std::move(waiting.publication))) {
        committer_->submit({.done = std::exchange(waiting.done, nullptr), .needs_all_notes = true});
      }
    }
    after_core_call(&woken);
  }
  for (const Committer::Waiting& waiting : written) {
    if (waiting.done != nullptr) waiting.done(absl::OkStatus());
  }
  wake(std::move(woken));
}

absl::Status Broker::open_consumer(const std::string& subscription, FlowLimits limits,
                                   const std::shared_ptr<Consumer>& consumer,
                                   std::optional<ConsumerHandle>* handle) {
  const std::lock_guard lock(mutex_);
  if (is_shut_down_) return absl::UnavailableError("The broker is shutting down.");
  ASSIGN_OR_RETURN(*handle, core_.open_consumer(subscription, limits));
  consumers_.emplace((*handle)->consumer, consumer);
  return absl::OkStatus();
}

void Broker::close_consumer(ConsumerHandle handle, Closing closing) {
  std::shared_ptr<Consumer> closed;  // destroyed without the lock
  with_core([&](Core& core) {
    core.close_consumer(handle, closing);
    const auto found = consumers_.find(handle.consumer);
    if (found == consumers_.end()) return false;
    closed = std::move(found->second);
    consumers_.erase(found);
    return true;
  });
}

absl::StatusOr<std::vector<Delivery>> Broker::take(ConsumerHandle handle, std::size_t max_messages,
                                                   std::size_t max_bytes,
                                                   std::optional<std::chrono::seconds> lease,
                                                   WakeList* woken,
                                                   SubscriptionProperties* properties) {
  while (true) {
    absl::StatusOr<std::vector<Delivery>> deliveries;
    {
      const SteadyTime now = clock_.now();
      const std::lock_guard lock(mutex_);
      deliveries = core_.take(handle, max_messages, max_bytes, lease, now);
      if (properties != nullptr) *properties = core_.properties(handle.subscription);
      after_core_call(woken);
    }
    if (!deliveries.ok() || deliveries->empty()) return deliveries;
    // All messages were acked while their bodies were being read: take others.
    if (!read_bodies(handle, &*deliveries) || !deliveries->empty()) return deliveries;
  }
}

bool Broker::read_bodies(ConsumerHandle handle, std::vector<Delivery>* deliveries) {
  absl::flat_hash_map<MessageId, Body> read;  // nullptr: acked meanwhile, or not readable
  std::vector<Delivery> failed;
  absl::Status trouble;
  for (Delivery& delivery : *deliveries) {
    if (delivery.body != nullptr) continue;
    const auto [found, is_new] = read.try_emplace(delivery.batch);
    if (is_new) {
      auto body = storage_.store->load(delivery.batch);
      if (body.ok()) {
        found->second = *std::move(body);
      } else if (!absl::IsNotFound(body.status())) {
        trouble = body.status();
      }
    }
    delivery.body = found->second;
    if (delivery.body == nullptr && !trouble.ok()) failed.push_back(delivery);
  }
  if (read.empty()) return true;
  // A body that the store does not have any more belongs to messages that were acked meanwhile.
  std::erase_if(*deliveries, [](const Delivery& delivery) { return delivery.body == nullptr; });
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  for (auto& [batch, body] : read) {
    if (body != nullptr) core_.keep_body(batch, std::move(body));
  }
  if (failed.empty()) return true;
  log_error("cannot read messages from the store",
            {{"messages", failed.size()}, {"error", trouble}});
  core_.give_back(handle, failed);
  core_.wake_at(handle, now + kReadAgainPause);
  return false;
}

void Broker::wake(WakeList woken) {
  for (std::size_t i = 0; i < woken.size(); ++i) {
    const std::shared_ptr<Consumer> consumer = std::move(woken[i]);
    consumer->wake(&woken);
  }
}

std::size_t Broker::shut_down() {
  std::vector<std::shared_ptr<Consumer>> all;
  {
    const std::lock_guard lock(mutex_);
    is_shut_down_ = true;
    for (const auto& [id, consumer] : consumers_) all.push_back(consumer);
  }
  for (const auto& consumer : all) {
    consumer->end(absl::UnavailableError("The broker is shutting down."));
  }
  return all.size();
}

// Must be called under the lock, after every call of the core: collects the consumers to wake, and
// wakes the timer if it would sleep too long.
void Broker::after_core_call(WakeList* woken) {
  for (const ConsumerId id : core_.take_woken()) {
    const auto found = consumers_.find(id);
    if (found != consumers_.end()) woken->push_back(found->second);
  }
  if (committer_) committer_->see_notes();
  const std::optional<SteadyTime> next = next_timer_event();
  if (next && *next < timer_event_) timer_.notify_all();
}

void Broker::report(std::span<const Removal> removals) {
  for (const Removal& removal : removals) metrics_->removed(removal);
  for (const Removal& removal : removals.first(std::min(removals.size(), kMaxRemovalsLogged))) {
    if (removal.kind == Removal::Kind::kMessages) {
      log_warning("retention dropped messages that nobody acknowledged",
                  {{"subscription", removal.name}, {"messages", removal.messages}});
    } else if (removal.kind == Removal::Kind::kSubscription) {
      log_warning(
          "deleted a subscription that was unused for as long as its expiration policy says",
          {{"subscription", removal.name}, {"messages", removal.messages}});
    } else {
      log_info("deleted an expired snapshot", {{"snapshot", removal.name}});
    }
  }
  if (removals.size() > kMaxRemovalsLogged) {
    log_warning("retention and expiration removed more than is logged one by one",
                {{"others", removals.size() - kMaxRemovalsLogged}});
  }
}

std::optional<SteadyTime> Broker::next_timer_event() const {
  std::optional<SteadyTime> next = core_.next_event();
  if (core_.has_dead_letters() && dead_letters_on_way_ < kMaxDeadLettersOnWay) {
    next = std::min(next.value_or(dead_letters_at_), dead_letters_at_);
  }
  return next;
}

void Broker::run_timer(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const std::optional<SteadyTime> next = next_timer_event();
    timer_event_ = next.value_or(SteadyTime::max());
    const auto comes_earlier = [this] {
      return next_timer_event().value_or(SteadyTime::max()) < timer_event_;
    };
    if (!next) {
      timer_.wait(lock, stop, comes_earlier);
      continue;
    }
    if (*next > clock_.now()) {
      timer_.wait_until(lock, stop, *next + kTimerGranularity, comes_earlier);
      continue;
    }
    core_.advance(clock_.now(), wall_us());
    const std::vector<Removal> removals = core_.take_removals();
    for (const Removal& removal : removals) {
      if (removal.kind != Removal::Kind::kMessages) expired_(removal.name);
    }
    if (dead_letters_at_ <= clock_.now()) forward_dead_letters(lock);
    WakeList woken;
    after_core_call(&woken);
    lock.unlock();
    report(removals);
    wake(std::move(woken));
    lock.lock();
  }
}

}  // namespace pollbus::broker
