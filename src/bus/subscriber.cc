#include "bus/subscriber.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/logging.h"
#include "base/status.h"
#include "bus/acknowledger.h"
#include "bus/inbox.h"
#include "bus/pull_stream.h"

namespace pollbus {
namespace {

// How often leases are checked and failed acks repeated.
constexpr std::chrono::milliseconds kLeaseTick{500};
// In protocol version 1, the server answers pings; a stream that stays silent is given up.
constexpr std::chrono::seconds kPingInterval{15};
constexpr std::chrono::seconds kSilenceLimit{35};
// A server that neither answers nor refuses a stream within this time counts as having accepted it:
// servers may send nothing before the first message.
constexpr std::chrono::milliseconds kAcceptTime{2'000};
// After a stream that lasted this long, the backoff starts again with the shortest pause.
constexpr std::chrono::seconds kGoodStream{5};
// After stop(): how long the server may send messages that are on their way.
constexpr std::chrono::milliseconds kHalfCloseTimeout{500};
// How often to check whether paused reading can resume and whether a ping is due.
constexpr std::chrono::milliseconds kStreamTick{50};
// How long stop() waits for the answers to the last acks.
constexpr std::chrono::milliseconds kLastAcksTimeout{2'000};
constexpr std::int64_t kProtocolVersion = 1;

}  // namespace

BatchAnswers answers_to(std::span<const std::string_view> ack_ids,
                        std::span<const Verdict> verdicts) {
  BatchAnswers answers;
  answers.acks.reserve(ack_ids.size());
  for (std::size_t i = 0; i < ack_ids.size(); ++i) {
    const bool ack = i < verdicts.size() && verdicts[i] == Verdict::kAck;
    (ack ? answers.acks : answers.nacks).push_back(ack_ids[i]);
  }
  return answers;
}

class Subscriber::Impl {
 public:
  Impl(std::shared_ptr<Connection> connection, std::function<absl::Status()> ensure,
       std::string subscription, BatchHandler handler, SubscriberOptions options,
       SubscriberEvents events)
      : connection_(std::move(connection)),
        ensure_(std::move(ensure)),
        subscription_(std::move(subscription)),
        handler_(std::move(handler)),
        options_(options),
        events_(std::move(events)),
        clock_(system_clock()),
        inbox_(options_, clock_),
        acknowledger_(connection_, subscription_) {
    handler_thread_ = std::thread([this] { handle_batches(); });
    lease_thread_ = std::thread([this] { keep_leases(); });
    stream_thread_ = std::thread([this] { stay_connected(); });
  }

  // Every caller returns when the subscriber has stopped.
  void stop() {
    std::call_once(stopped_, [this] { drain(); });
  }

  SubscriberCounts counts() const {
    return {.received = received_,
            .acked = acked_,
            .nacked = nacked_,
            .lost_acks = acknowledger_.lost_acks(),
            .connects = connects_,
            .outstanding = inbox_.outstanding()};
  }

 private:
  void drain() {
    pulling_.request_stop();
    stream_thread_.join();
    acknowledger_.nack(inbox_.remove_waiting().ack_ids);
    {
      // The handler is asked to stop only if it does not return by itself.
      std::unique_lock lock(handler_mutex_);
      handler_idle_.wait_for(lock, options_.drain_timeout, [this] { return handler_done_; });
    }
    handling_.request_stop();
    handler_thread_.join();
    // Meanwhile the lease thread repeats acks that fail.
    if (!acknowledger_.wait_idle(clock_.now() + kLastAcksTimeout)) {
      log_warning("stopped with acks unanswered; their messages may be delivered again",
                  {{"subscription", subscription_}});
    }
    leasing_.request_stop();
    lease_thread_.join();
  }

  // --- the stream's thread

  void stay_connected() {
    Backoff backoff(options_.reconnect);
    while (!pulling_.stop_requested()) {
      absl::Status status = ensure_();
      if (status.ok()) {
        const SteadyTime begun = clock_.now();
        status = pull();
        if (clock_.now() - begun > kGoodStream) backoff.reset();
      }
      if (pulling_.stop_requested()) return;
      const auto pause = backoff.next();
      events_.disconnected(status);
      log_warning(
          "bus: stream ended",
          {{"subscription", subscription_}, {"error", status}, {"next_try_ms", pause.count()}});
      clock_.pause(pause, pulling_.get_token());
      if (absl::IsUnavailable(status)) connection_->connect_again();
    }
  }

  // One stream from start to end.
  absl::Status pull() {
    paused_ = false;
    PullStream stream(
        *connection_->stubs().raw, first_request(), clock_,
        [this](std::vector<Inbox::Delivery> deliveries) { return receive(std::move(deliveries)); });
    ++connects_;
    const SteadyTime begun = clock_.now();
    bool is_accepted = false;
    SteadyTime next_ping = begun + kPingInterval;
    std::optional<SteadyTime> cancel_at;
    bool silent = false;
    while (!stream.wait_until(clock_.now() + kStreamTick)) {
      const SteadyTime now = clock_.now();
      if (!is_accepted && (stream.is_accepted() || now - begun > kAcceptTime)) {
        is_accepted = true;
        events_.connected();
      }
      if (!cancel_at && pulling_.stop_requested()) {
        stream.half_close();
        cancel_at = now + kHalfCloseTimeout;
      }
      if (!silent && !paused_ && now - stream.last_heard() > kSilenceLimit) {
        silent = true;
        cancel_at = now;
      }
      if (cancel_at && now >= *cancel_at) stream.cancel();
      if (paused_ && (cancel_at || inbox_.has_room())) {
        paused_ = false;
        stream.resume();
      }
      if (now >= next_ping) {
        stream.ping();
        next_ping = now + kPingInterval;
      }
    }
    if (silent) return absl::UnavailableError("the server has been silent for too long");
    const auto status = to_absl(stream.status());
    return status.ok() ? absl::UnavailableError("the server ended the stream") : status;
  }

  PullStream::Request first_request() const {
    PullStream::Request request;
    request.set_subscription(subscription_);
    request.set_stream_ack_deadline_seconds(static_cast<int>(options_.ack_deadline.count()));
    request.set_max_outstanding_messages(options_.max_outstanding_messages);
    request.set_max_outstanding_bytes(options_.max_outstanding_bytes);
    request.set_protocol_version(kProtocolVersion);
    return request;
  }

  bool receive(std::vector<Inbox::Delivery> deliveries) {
    received_ += static_cast<std::int64_t>(deliveries.size());
    if (inbox_.add(std::move(deliveries))) return true;
    paused_ = true;
    return false;
  }

  // --- the handler's thread

  void handle_batches() {
    while (true) {
      const Inbox::Batch batch = inbox_.take(pulling_.get_token());
      if (batch.messages.empty()) break;
      // At-least-once delivery depends on this order: first the handler, then its acks.
      const auto verdicts = handler_(batch.messages, handling_.get_token());
      inbox_.release(batch.ack_ids);
      send(answers_to(batch.ack_ids, verdicts));
    }
    const std::lock_guard lock(handler_mutex_);
    handler_done_ = true;
    handler_idle_.notify_all();
  }

  void send(const BatchAnswers& answers) {
    acked_ += static_cast<std::int64_t>(answers.acks.size());
    nacked_ += static_cast<std::int64_t>(answers.nacks.size());
    acknowledger_.ack(answers.acks);
    acknowledger_.nack(answers.nacks);
  }

  // --- the leases' thread

  void keep_leases() {
    while (clock_.pause(kLeaseTick, leasing_.get_token())) {
      const std::vector<std::string> due = inbox_.due_for_extension();
      acknowledger_.extend(std::vector<std::string_view>(due.begin(), due.end()),
                           static_cast<int>(options_.ack_deadline.count()));
      acknowledger_.flush();
    }
  }

  std::shared_ptr<Connection> connection_;
  std::function<absl::Status()> ensure_;
  std::string subscription_;
  BatchHandler handler_;
  const SubscriberOptions options_;
  SubscriberEvents events_;
  Clock& clock_;
  Inbox inbox_;
  Acknowledger acknowledger_;

  std::stop_source pulling_;
  std::stop_source handling_;
  std::stop_source leasing_;
  std::once_flag stopped_;
  std::atomic<bool> paused_ = false;
  std::atomic<std::int64_t> received_ = 0;
  std::atomic<std::int64_t> acked_ = 0;
  std::atomic<std::int64_t> nacked_ = 0;
  std::atomic<std::int64_t> connects_ = 0;

  std::mutex handler_mutex_;
  std::condition_variable handler_idle_;
  bool handler_done_ = false;

  std::thread handler_thread_;
  std::thread lease_thread_;
  std::thread stream_thread_;
};

Subscriber::Subscriber(std::shared_ptr<Connection> connection, std::function<absl::Status()> ensure,
                       std::string subscription, BatchHandler handler, SubscriberOptions options,
                       SubscriberEvents events)
    : impl_(std::make_unique<Impl>(std::move(connection), std::move(ensure),
                                   std::move(subscription), std::move(handler), options,
                                   std::move(events))) {}

Subscriber::~Subscriber() { stop(); }

void Subscriber::stop() { impl_->stop(); }

SubscriberCounts Subscriber::counts() const { return impl_->counts(); }

}  // namespace pollbus
