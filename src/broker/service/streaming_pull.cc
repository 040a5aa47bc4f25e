#include "broker/service/streaming_pull.h"

#include <google/pubsub/v1/pubsub.pb.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/ack_ids.h"
#include "broker/service/delivery_limits.h"
#include "broker/service/grpc_status.h"
#include "broker/service/stream_request.h"
#include "broker/service/turn.h"
#include "broker/service/wire.h"

namespace pollbus::broker {
namespace {

using google::pubsub::v1::StreamingPullRequest;
using google::pubsub::v1::StreamingPullResponse;

// From this protocol version on, clients send pings and expect an answer.
constexpr std::int64_t kProtocolVersionWithPings = 1;
// Answers to pings that a client has still to read. Later pings are not answered.
constexpr int kMaxOwedResponses = 100;
// Ack ids in confirmations that a client has still to read. Above it, the client's requests are not
// read either.
constexpr std::size_t kMaxOwedConfirmationBytes = 4 << 20;

// Sorts the ids of a request into a confirmation by their outcome.
template <typename Confirmation>
void confirm(const AckIdTexts& texts, const absl::Status& status,
             const std::vector<AckOutcome>& outcomes, Confirmation* confirmation) {
  // The ids came before the subscription was changed to exactly-once delivery.
  if (static_cast<std::size_t>(texts.size()) != outcomes.size()) return;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::string& text = texts.Get(static_cast<int>(i));
    if (outcomes[i] == AckOutcome::kInvalid) {
      confirmation->add_invalid_ack_ids(text);
    } else if (!status.ok()) {
      confirmation->add_temporary_failed_ack_ids(text);
    } else if (outcomes[i] == AckOutcome::kAccepted) {
      confirmation->add_ack_ids(text);
    } else if constexpr (requires { confirmation->add_unordered_ack_ids(text); }) {
      confirmation->add_unordered_ack_ids(text);
    }
  }
}

// Reads and writes run at the same time. Requests are handled one by one. The thread that looks for
// something to write holds the turn, and keeps it while a write is running.
class StreamingPull final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public Consumer {
 public:
  StreamingPull(Broker& broker, ReceiverCheck may_receive)
      : broker_(broker), may_receive_(std::move(may_receive)) {}

  void start(const std::shared_ptr<StreamingPull>& self) {
    self_ = self;
    StartRead(&request_buffer_);
  }

  void wake(WakeList* woken) override {
    if (turn_.enter()) write_on(woken);
  }

  void end(const absl::Status& status) override {
    {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = status;
    }
    wake_self();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      end(absl::OkStatus());  // the client has closed its side
      close_consumer();
      return;
    }
    if (const absl::Status status = handle_request(); !status.ok()) {
      end(status);
      return;
    }
    wake_self();
    const std::lock_guard lock(mutex_);
    is_read_paused_ = true;
    read_on();
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      if (!ok && !end_) end_ = absl::CancelledError("The client is gone.");
      read_on();
    }
    WakeList woken;
    write_on(&woken);
    Broker::wake(std::move(woken));
  }

  void OnCancel() override {
    end(absl::CancelledError("The client has cancelled the stream."));
    close_consumer();
  }

  void OnDone() override {
    close_consumer();
    self_.reset();
  }

 private:
  // Must hold mutex_.
  void read_on() {
    if (!is_read_paused_ || is_finished_) return;
    if (owed_confirmation_bytes_ > kMaxOwedConfirmationBytes) return;
    is_read_paused_ = false;
    StartRead(&request_buffer_);
  }

  // Called as early as possible when the stream ends, so that no more messages are leased to it.
  void close_consumer() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(is_open_, false)) return;
    }
    broker_.close_consumer(*handle_, Closing::kStreamEnded);
  }

  absl::Status handle_request() {
    StreamingPullRequest request;
    if (!decode(&request_buffer_, &request)) {
      return absl::InvalidArgumentError(
          "The request is not a valid StreamingPullRequest, or has too many values.");
    }
    if (!handle_) {
      RETURN_IF_ERROR(check_first_request(request));
      RETURN_IF_ERROR(open(request));
    } else {
      RETURN_IF_ERROR(check_later_request(request));
    }
    RETURN_IF_ERROR(apply_acks(request));
    const std::lock_guard lock(mutex_);
    if (request.stream_ack_deadline_seconds() != 0) {
      lease_ = std::chrono::seconds(request.stream_ack_deadline_seconds());
    }
    const bool is_first = !answers_pings_.has_value();
    if (is_first) answers_pings_ = request.protocol_version() >= kProtocolVersionWithPings;
    const bool is_answered = is_first || (is_ping(request) && *answers_pings_);
    if (is_answered && owed_responses_ < kMaxOwedResponses) ++owed_responses_;
    return absl::OkStatus();
  }

  absl::Status open(const StreamingPullRequest& request) {
    subscription_ = request.subscription();
    RETURN_IF_ERROR(may_receive_(subscription_));
    RETURN_IF_ERROR(broker_.open_consumer(subscription_, flow_limits(request), self_, &handle_));
    const SubscriptionProperties properties =
        broker_.with_core([this](Core& core) { return core.properties(handle_->subscription); });
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    properties_ = properties;
    return absl::OkStatus();
  }

  absl::Status apply_acks(const StreamingPullRequest& request) {
    absl::Status status;
    const std::vector<AckId> acks = parse_ack_ids(request.ack_ids());
    if (!acks.empty()) {
      broker_.acknowledge(
          subscription_, acks,
          [self = self_, texts = confirmable(request.ack_ids()), &status](
              const absl::Status& written, const std::vector<AckOutcome>& outcomes) {
            if (outcomes.empty()) {
              status = written;  // at once
              return;
            }
            self->respond(texts, [&](StreamingPullResponse* response) {
              confirm(texts, written, outcomes, response->mutable_acknowledge_confirmation());
            });
          });
    }
    for (const auto& [seconds, ack_ids] : modified_deadlines(request)) {
      const auto& texts = ack_ids;  // C++20 lets lambdas capture it, but not every compiler does
      broker_.modify_deadline(
          subscription_, parse_ack_ids(texts), std::chrono::seconds(seconds),
          [&](const absl::Status& modified, const std::vector<AckOutcome>& outcomes) {
            status.Update(modified);
            if (outcomes.empty()) return;
            respond(texts, [&](StreamingPullResponse* response) {
              confirm(texts, modified, outcomes,
                      response->mutable_modify_ack_deadline_confirmation());
            });
          });
    }
    return status;
  }

  // Ids are kept only if a confirmation must name them.
  AckIdTexts confirmable(const AckIdTexts& texts) {
    const std::lock_guard lock(mutex_);
    return properties_.is_exactly_once ? texts : AckIdTexts();
  }

  template <typename Fill>
  void respond(const AckIdTexts& texts, Fill fill) {
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& text : texts) owed_confirmation_bytes_ += text.size();
      fill(&confirmations_);
      has_confirmations_ = true;
    }
    wake_self();
  }

  void wake_self() {
    WakeList woken;
    wake(&woken);
    Broker::wake(std::move(woken));
  }

  // Must hold the turn. Starts the next write and keeps the turn, or leaves it if there is nothing.
  void write_on(WakeList* woken) {
    do {
      if (step(woken)) return;
    } while (!turn_.leave());
  }

  // Returns true when it has started a write or ended the stream.
  bool step(WakeList* woken) {
    std::optional<std::chrono::seconds> lease;
    {
      const std::lock_guard lock(mutex_);
      if (end_) {
        is_finished_ = true;
        Finish(to_grpc(*end_));
        return true;
      }
      if (!answers_pings_.has_value()) return false;  // the first request is still to come
      if (owed_responses_ > 0 || has_confirmations_) {
        if (owed_responses_ > 0) --owed_responses_;
        return write({});
      }
      lease = lease_;
    }
    SubscriptionProperties properties;
    const auto deliveries =
        broker_.take(*handle_, kMaxResponseMessages, kMaxResponseBytes, lease, woken, &properties);
    const std::lock_guard lock(mutex_);
    if (!deliveries.ok()) {
      is_finished_ = true;
      // The broker closes a consumer when its subscription is deleted.
      const bool is_gone = absl::IsNotFound(deliveries.status());
      Finish(to_grpc(is_gone ? not_found(subscription_) : deliveries.status()));
      return true;
    }
    properties_ = properties;
    return !deliveries->empty() && write(*deliveries);
  }

  // Must hold the turn and mutex_.
  bool write(std::span<const Delivery> deliveries) {
    response_buffer_ = encode_deliveries(handle_->subscription, deliveries, take_trailer());
    StartWrite(&response_buffer_);
    return true;
  }

  // The fields of a response other than messages, serialized.
  std::string take_trailer() {
    StreamingPullResponse response;
    if (std::exchange(has_confirmations_, false)) response.Swap(&confirmations_);
    owed_confirmation_bytes_ = 0;
    auto* const properties = response.mutable_subscription_properties();
    properties->set_exactly_once_delivery_enabled(properties_.is_exactly_once);
    properties->set_message_ordering_enabled(properties_.is_ordered);
    return response.SerializeAsString();
  }

  Broker& broker_;
  const ReceiverCheck may_receive_;
  std::shared_ptr<StreamingPull> self_;  // until OnDone()

  // Used by the reading side, which sets them before the first wake.
  grpc::ByteBuffer request_buffer_;
  std::string subscription_;
  std::optional<ConsumerHandle> handle_;

  // Used while holding the turn.
  grpc::ByteBuffer response_buffer_;
  Turn turn_;

  std::mutex mutex_;      // taken inside the turn, never around a call of the broker
  bool is_open_ = false;  // the broker has the consumer
  std::optional<std::chrono::seconds> lease_;
  std::optional<bool> answers_pings_;  // known from the first request on
  int owed_responses_ = 0;
  SubscriptionProperties properties_;  // as of the last response
  StreamingPullResponse confirmations_;
  bool has_confirmations_ = false;
  std::size_t owed_confirmation_bytes_ = 0;
  bool is_read_paused_ = false;
  std::optional<absl::Status> end_;
  bool is_finished_ = false;  // no read or write may be started any more
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_streaming_pull(
    Broker& broker, ReceiverCheck may_receive) {
  const auto stream = std::make_shared<StreamingPull>(broker, std::move(may_receive));
  stream->start(stream);
  return stream.get();
}

}  // namespace pollbus::broker
