#include "broker/service/subscriber_service.h"

#include "base/failpoint.h"
#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/ack_ids.h"
#include "broker/service/paging.h"
#include "broker/service/pull.h"
#include "broker/service/resources.h"
#include "broker/service/streaming_pull.h"
#include "broker/service/unary.h"
#include "broker/service/wire.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

absl::Status check_ack_ids(int count) {
  if (count > 0) return absl::OkStatus();
  return absl::InvalidArgumentError("No ack ids specified.");
}

}  // namespace

grpc::ServerUnaryReactor* SubscriberService::CreateSubscription(
    grpc::CallbackServerContext* context, const api::Subscription* request,
    api::Subscription* response) {
  return answer_change(context, broker_, [&](Core& core) -> absl::Status {
    ASSIGN_OR_RETURN(*response, checked_subscription(*request));
    RETURN_IF_ERROR(check_topic_name(request->topic()));
    ASSIGN_OR_RETURN(SubscriptionConfig config, config_of(*response));
    return core.create_subscription(std::move(config));
  });
}

grpc::ServerUnaryReactor* SubscriberService::GetSubscription(
    grpc::CallbackServerContext* context, const api::GetSubscriptionRequest* request,
    api::Subscription* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const SubscriptionConfig* stored,
                       core.subscription(request->subscription()));
      *response = subscription_of(*stored);
      return absl::OkStatus();
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::UpdateSubscription(
    grpc::CallbackServerContext* context, const api::UpdateSubscriptionRequest* request,
    api::Subscription* response) {
  return answer_change(context, broker_, [&](Core& core) -> absl::Status {
    const std::string& name = request->subscription().name();
    RETURN_IF_ERROR(check_subscription_name(name));
    ASSIGN_OR_RETURN(const SubscriptionConfig* stored, core.subscription(name));
    ASSIGN_OR_RETURN(*response, updated_subscription(subscription_of(*stored), *request));
    return core.update_subscription(name, std::chrono::seconds(response->ack_deadline_seconds()),
                                    response->SerializeAsString());
  });
}

grpc::ServerUnaryReactor* SubscriberService::ListSubscriptions(
    grpc::CallbackServerContext* context, const api::ListSubscriptionsRequest* request,
    api::ListSubscriptionsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_project_name(request->project()));
    return broker_.with_core([&](Core& core) {
      return visit_page(
          core.subscriptions(), request->project() + "/subscriptions/", request->page_size(),
          request->page_token(), [](const auto& entry) -> const auto& { return entry.first; },
          [&](const auto& entry) {
            *response->add_subscriptions() = subscription_of(**core.subscription(entry.first));
          },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::DeleteSubscription(
    grpc::CallbackServerContext* context, const api::DeleteSubscriptionRequest* request,
    google::protobuf::Empty* /*response*/) {
  return answer_change(context, broker_, [&](Core& core) -> absl::Status {
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    return core.delete_subscription(request->subscription());
  });
}

grpc::ServerUnaryReactor* SubscriberService::ModifyAckDeadline(
    grpc::CallbackServerContext* context, const api::ModifyAckDeadlineRequest* request,
    google::protobuf::Empty* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    RETURN_IF_ERROR(check_ack_ids(request->ack_ids_size()));
    RETURN_IF_ERROR(check_extension(request->ack_deadline_seconds()));
    const std::vector<AckId> ids = parse_ack_ids(request->ack_ids());
    const SteadyTime now = broker_.clock().now();
    return broker_.with_core([&](Core& core) {
      return core.modify_deadline(request->subscription(), ids,
                                  std::chrono::seconds(request->ack_deadline_seconds()), now);
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::Acknowledge(grpc::CallbackServerContext* context,
                                                         const api::AcknowledgeRequest* request,
                                                         google::protobuf::Empty* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    RETURN_IF_ERROR(check_ack_ids(request->ack_ids_size()));
    RETURN_IF_ERROR(failpoint(Failpoint::kBrokerBeforeAck));
    const std::vector<AckId> ids = parse_ack_ids(request->ack_ids());
    RETURN_IF_ERROR(broker_.with_core(
        [&](Core& core) { return core.acknowledge(request->subscription(), ids); }));
    return failpoint(Failpoint::kBrokerAfterAck);
  });
}

grpc::ServerUnaryReactor* SubscriberService::Pull(grpc::CallbackServerContext* /*context*/,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return start_pull(broker_, *request, response);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SubscriberService::StreamingPull(
    grpc::CallbackServerContext* /*context*/) {
  return start_streaming_pull(broker_);
}

}  // namespace pollbus::broker
