#include "broker/service/streaming_pull.h"

#include <google/pubsub/v1/pubsub.pb.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

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

// Clients of this protocol version on ping, and count on an answer.
constexpr std::int64_t kProtocolVersionWithPings = 1;
// A client that does not read its answers is not owed more of them.
constexpr int kMaxOwedResponses = 100;

// Sorts the ids of a request into a confirmation by what became of them.
template <typename Confirmation>
void confirm(const AckIdTexts& texts, const absl::Status& status,
             const std::vector<AckOutcome>& outcomes, Confirmation* confirmation) {
  // The subscription has become one of exactly-once delivery since they came.
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

// Reading and writing go on beside each other. Requests are handled one by one as they come; the
// turn belongs to whoever looks for something to write, and is kept while a write is on its way.
class StreamingPull final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public Consumer {
 public:
  explicit StreamingPull(Broker& broker) : broker_(broker) {}

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
      end(absl::OkStatus());  // the client has said all it had to say
      return;
    }
    if (const absl::Status status = handle_request(); !status.ok()) {
      end(status);
      return;
    }
    wake_self();
    const std::lock_guard lock(mutex_);
    if (!is_finished_) StartRead(&request_buffer_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = absl::CancelledError("The client is gone.");
    }
    WakeList woken;
    write_on(&woken);
    Broker::wake(std::move(woken));
  }

  void OnCancel() override { end(absl::CancelledError("The client has cancelled the stream.")); }

  void OnDone() override {
    if (is_open_) broker_.close_consumer(*handle_);
    self_.reset();
  }

 private:
  absl::Status handle_request() {
    StreamingPullRequest request;
    if (!decode(&request_buffer_, &request)) {
      return absl::InvalidArgumentError("The request is no valid StreamingPullRequest.");
    }
    if (!is_open_) {
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
    RETURN_IF_ERROR(broker_.open_consumer(subscription_, flow_limits(request), self_, &handle_));
    is_open_ = true;
    const SubscriptionProperties properties =
        broker_.with_core([this](Core& core) { return core.properties(handle_->subscription); });
    const std::lock_guard lock(mutex_);
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
            self->respond([&](StreamingPullResponse* response) {
              confirm(texts, written, outcomes, response->mutable_acknowledge_confirmation());
            });
          });
    }
    for (const auto& [seconds, texts] : modified_deadlines(request)) {
      broker_.modify_deadline(
          subscription_, parse_ack_ids(texts), std::chrono::seconds(seconds),
          [&](const absl::Status& modified, const std::vector<AckOutcome>& outcomes) {
            status.Update(modified);
            if (outcomes.empty()) return;
            respond([&](StreamingPullResponse* response) {
              confirm(texts, modified, outcomes,
                      response->mutable_modify_ack_deadline_confirmation());
            });
          });
    }
    return status;
  }

  // The texts of ids are kept only where they will have to be named again.
  AckIdTexts confirmable(const AckIdTexts& texts) {
    const std::lock_guard lock(mutex_);
    return properties_.is_exactly_once ? texts : AckIdTexts();
  }

  template <typename Fill>
  void respond(Fill fill) {
    {
      const std::lock_guard lock(mutex_);
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

  // Holding the turn: writes the next response and keeps the turn, or finds nothing and leaves it.
  void write_on(WakeList* woken) {
    do {
      if (step(woken)) return;
    } while (!turn_.leave());
  }

  // True when a write, or the end of the stream, is on its way.
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
      // The consumer goes when its subscription goes.
      const bool is_gone = absl::IsNotFound(deliveries.status());
      Finish(to_grpc(is_gone ? not_found(subscription_) : deliveries.status()));
      return true;
    }
    properties_ = properties;
    return !deliveries->empty() && write(*deliveries);
  }

  // Holding mutex_ too.
  bool write(std::span<const Delivery> deliveries) {
    response_buffer_ = encode_deliveries(handle_->subscription, deliveries, take_trailer());
    StartWrite(&response_buffer_);
    return true;
  }

  // What a response carries besides messages, serialized.
  std::string take_trailer() {
    StreamingPullResponse response;
    if (std::exchange(has_confirmations_, false)) response.Swap(&confirmations_);
    auto* const properties = response.mutable_subscription_properties();
    properties->set_exactly_once_delivery_enabled(properties_.is_exactly_once);
    properties->set_message_ordering_enabled(properties_.is_ordered);
    return response.SerializeAsString();
  }

  Broker& broker_;
  std::shared_ptr<StreamingPull> self_;  // until OnDone()

  // Of the reading side, which has set them before the first wake.
  grpc::ByteBuffer request_buffer_;
  std::string subscription_;
  std::optional<ConsumerHandle> handle_;
  bool is_open_ = false;

  // Of the turn.
  grpc::ByteBuffer response_buffer_;
  Turn turn_;

  std::mutex mutex_;  // taken inside the turn, never around a call of the broker
  std::optional<std::chrono::seconds> lease_;
  std::optional<bool> answers_pings_;  // known from the first request on
  int owed_responses_ = 0;
  SubscriptionProperties properties_;  // as they were last seen
  StreamingPullResponse confirmations_;
  bool has_confirmations_ = false;
  std::optional<absl::Status> end_;
  bool is_finished_ = false;  // nothing may be started any more
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_streaming_pull(Broker& broker) {
  const auto stream = std::make_shared<StreamingPull>(broker);
  stream->start(stream);
  return stream.get();
}

}  // namespace pollbus::broker
