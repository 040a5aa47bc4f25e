#include "broker/service/pull.h"

#include <google/pubsub/v1/pubsub.pb.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/delivery_limits.h"
#include "broker/service/grpc_status.h"
#include "broker/service/turn.h"
#include "broker/service/wire.h"

namespace pollbus::broker {
namespace {

class Pull final : public grpc::ServerUnaryReactor, public Consumer {
 public:
  Pull(Broker& broker, ReceiverCheck may_receive, grpc::ByteBuffer* response)
      : broker_(broker), may_receive_(std::move(may_receive)), response_(response) {}

  void start(const std::shared_ptr<Pull>& self, grpc::ByteBuffer request) {
    self_ = self;
    WakeList woken;
    if (const absl::Status status = open(&request); !status.ok()) {
      end(status);
      return;
    }
    wake(&woken);
    Broker::wake(std::move(woken));
  }

  void wake(WakeList* woken) override {
    if (!turn_.enter()) return;
    do {
      if (step(woken)) return;  // keeps the turn: nothing may follow the answer
    } while (!turn_.leave());
  }

  void end(const absl::Status& status) override {
    {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = status;
    }
    WakeList woken;
    wake(&woken);
    Broker::wake(std::move(woken));
  }

  void OnCancel() override { end(absl::CancelledError("The client has cancelled the pull.")); }

  void OnDone() override {
    if (handle_) broker_.close_consumer(*handle_);
    self_.reset();
  }

 private:
  absl::Status open(grpc::ByteBuffer* buffer) {
    google::pubsub::v1::PullRequest request;
    if (!decode(buffer, &request)) {
      return absl::InvalidArgumentError(
          "The request is not a valid PullRequest, or has too many values.");
    }
    RETURN_IF_ERROR(may_receive_(request.subscription()));
    RETURN_IF_ERROR(check_subscription_name(request.subscription()));
    if (request.max_messages() <= 0) {
      return absl::InvalidArgumentError("The value for max_messages is too small. You passed " +
                                        std::to_string(request.max_messages()) +
                                        " in the request, but the minimum value is 1.");
    }
    max_messages_ =
        std::min(static_cast<std::size_t>(request.max_messages()), kMaxResponseMessages);
    // The field is deprecated, but clients still set it.
    gives_up_at_ = broker_.clock().now();
    if (!returns_immediately(request)) gives_up_at_ += kMaxPullWait;
    subscription_ = request.subscription();
    RETURN_IF_ERROR(broker_.open_consumer(subscription_, {}, self_, &handle_));
    broker_.with_core([&](Core& core) {
      core.wake_at(*handle_, gives_up_at_);
      return true;
    });
    return absl::OkStatus();
  }

  static bool returns_immediately(const google::pubsub::v1::PullRequest& request) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return request.return_immediately();
#pragma GCC diagnostic pop
  }

  std::optional<absl::Status> ended() {
    const std::lock_guard lock(mutex_);
    return end_;
  }

  // Returns true when the pull was answered.
  bool step(WakeList* woken) {
    absl::Status status = ended().value_or(absl::OkStatus());
    if (status.ok()) {
      auto deliveries =
          broker_.take(*handle_, max_messages_, kMaxResponseBytes, std::nullopt, woken);
      if (deliveries.ok()) {
        if (deliveries->empty() && broker_.clock().now() < gives_up_at_) return false;
        *response_ = encode_deliveries(handle_->subscription, *deliveries, "");
      }
      // The broker closes a consumer when its subscription is deleted.
      if (!deliveries.ok()) status = deliveries.status();
      if (absl::IsNotFound(status)) status = not_found(subscription_);
    }
    Finish(to_grpc(status));
    return true;
  }

  Broker& broker_;
  const ReceiverCheck may_receive_;
  grpc::ByteBuffer* response_;
  std::shared_ptr<Pull> self_;  // until OnDone()
  std::string subscription_;
  std::optional<ConsumerHandle> handle_;
  std::size_t max_messages_ = 0;
  SteadyTime gives_up_at_;
  Turn turn_;
  std::mutex mutex_;
  std::optional<absl::Status> end_;
};

}  // namespace

grpc::ServerUnaryReactor* start_pull(Broker& broker, ReceiverCheck may_receive,
                                     const grpc::ByteBuffer& request, grpc::ByteBuffer* response) {
  const auto pull = std::make_shared<Pull>(broker, std::move(may_receive), response);
  pull->start(pull, request);
  return pull.get();
}

}  // namespace pollbus::broker
