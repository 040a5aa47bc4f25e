#include "broker/service/subscriber_service.h"

#include <fmt/format.h>

#include <random>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/ack_ids.h"
#include "broker/service/bounded_method.h"
#include "broker/service/paging.h"
#include "broker/service/pull.h"
#include "broker/service/resources.h"
#include "broker/service/streaming_pull.h"
#include "broker/service/unary.h"
#include "broker/service/wire.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

// Without the topic, the dead letters would be lost.
absl::Status check_dead_letter_topic(const Core& core, const SubscriptionConfig& config) {
  if (config.dead_letter_topic.empty()) return absl::OkStatus();
  return core.topic(config.dead_letter_topic).status();
}

absl::Status check_ack_ids(int count) {
  if (count > 0) return absl::OkStatus();
  return absl::InvalidArgumentError("No ack ids specified.");
}

// Answers a call about ack ids. `ids` must live as long as the call. `start(done)` checks the
// request, and calls `done` later unless it returns an error.
template <typename Start>
grpc::ServerUnaryReactor* answer_acks(grpc::CallbackServerContext* context, const AckIdTexts& ids,
                                      Start start) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status refused =
      start([reactor, &ids](const absl::Status& status, const std::vector<AckOutcome>& outcomes) {
        reactor->Finish(to_grpc(status.ok() ? exactly_once_status(ids, outcomes) : status));
      });
  if (!refused.ok()) reactor->Finish(to_grpc(refused));
  return reactor;
}

absl::Status check_push(const PushPolicy& policy, const api::Subscription& subscription) {
  const std::string& url = subscription.push_config().push_endpoint();
  if (url.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PushEndpoint endpoint, parse_push_endpoint(url));
  return policy.check(endpoint);
}

absl::StatusOr<api::Subscription> update(Core& core, const PushPolicy& policy,
                                         const api::UpdateSubscriptionRequest& request) {
  const std::string& name = request.subscription().name();
  RETURN_IF_ERROR(check_subscription_name(name));
  ASSIGN_OR_RETURN(const SubscriptionConfig* stored, core.subscription(name));
  const api::Subscription current = subscription_of(core, *stored);
  ASSIGN_OR_RETURN(const api::Subscription updated, updated_subscription(current, request));
  if (updated.push_config().push_endpoint() != current.push_config().push_endpoint()) {
    RETURN_IF_ERROR(check_push(policy, updated));
  }
  ASSIGN_OR_RETURN(SubscriptionConfig config, config_of(updated));
  if (config.dead_letter_topic != stored->dead_letter_topic) {
    RETURN_IF_ERROR(check_dead_letter_topic(core, config));
  }
  RETURN_IF_ERROR(core.update_subscription(std::move(config)));
  return subscription_of(core, **core.subscription(name));
}

// projects/P/<collection>/generated-<random>: for requests without a name, as the service does.
std::string generated_name(std::string_view project, std::string_view collection) {
  std::random_device random;
  const auto bits = std::uint64_t{random()} << 32 | random();
  return fmt::format("{}/{}/generated-{:016x}", project, collection, bits);
}

}  // namespace

SubscriberService::SubscriberService(Broker& broker, PushDelivery& push, IamService& iam,
                                     Access& access)
    : broker_(broker), push_(push), iam_(iam), access_(access) {
  const auto bound = [this](const char* name, auto method) {
    MarkMethodCallback(index_of_method(api::Subscriber::service_full_name(), name),
                       bounded(this, method));
  };
  bound("CreateSubscription", &SubscriberService::CreateSubscription);
  bound("GetSubscription", &SubscriberService::GetSubscription);
  bound("UpdateSubscription", &SubscriberService::UpdateSubscription);
  bound("ListSubscriptions", &SubscriberService::ListSubscriptions);
  bound("DeleteSubscription", &SubscriberService::DeleteSubscription);
  bound("ModifyPushConfig", &SubscriberService::ModifyPushConfig);
  bound("ModifyAckDeadline", &SubscriberService::ModifyAckDeadline);
  bound("Acknowledge", &SubscriberService::Acknowledge);
  bound("CreateSnapshot", &SubscriberService::CreateSnapshot);
  bound("GetSnapshot", &SubscriberService::GetSnapshot);
  bound("UpdateSnapshot", &SubscriberService::UpdateSnapshot);
  bound("ListSnapshots", &SubscriberService::ListSnapshots);
  bound("DeleteSnapshot", &SubscriberService::DeleteSnapshot);
  bound("Seek", &SubscriberService::Seek);
}

grpc::ServerUnaryReactor* SubscriberService::CreateSubscription(
    grpc::CallbackServerContext* context, const api::Subscription* request,
    api::Subscription* response) {
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_create, *request),
      [this, request, response](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_topic_name(request->topic()));
        api::Subscription wanted = *request;
        if (wanted.name().empty()) {
          wanted.set_name(generated_name(project_of(wanted.topic()), "subscriptions"));
        }
        ASSIGN_OR_RETURN(wanted, checked_subscription(std::move(wanted)));
        RETURN_IF_ERROR(check_push(push_.policy(), wanted));
        ASSIGN_OR_RETURN(SubscriptionConfig config, config_of(wanted));
        const std::string name = config.name;
        RETURN_IF_ERROR(check_dead_letter_topic(core, config));
        RETURN_IF_ERROR(core.create_subscription(std::move(config)));
        *response = subscription_of(core, **core.subscription(name));
        return absl::OkStatus();
      },
      [this, response] { push_.refresh(response->name()); });
}

grpc::ServerUnaryReactor* SubscriberService::GetSubscription(
    grpc::CallbackServerContext* context, const api::GetSubscriptionRequest* request,
    api::Subscription* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_view, request->subscription()));
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const SubscriptionConfig* stored,
                       core.subscription(request->subscription()));
      *response = subscription_of(core, *stored);
      return absl::OkStatus();
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::UpdateSubscription(
    grpc::CallbackServerContext* context, const api::UpdateSubscriptionRequest* request,
    api::Subscription* response) {
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_update, *request),
      [&](Core& core) -> absl::Status {
        ASSIGN_OR_RETURN(*response, update(core, push_.policy(), *request));
        return absl::OkStatus();
      },
      [this, name = request->subscription().name()] { push_.refresh(name); });
}

grpc::ServerUnaryReactor* SubscriberService::ModifyPushConfig(
    grpc::CallbackServerContext* context, const api::ModifyPushConfigRequest* request,
    google::protobuf::Empty* /*response*/) {
  api::UpdateSubscriptionRequest update_request;
  update_request.mutable_subscription()->set_name(request->subscription());
  *update_request.mutable_subscription()->mutable_push_config() = request->push_config();
  update_request.mutable_update_mask()->add_paths("push_config");
  return answer_change(
      context, broker_,
      access_.check(*context, &Rights::may_administer, "change push subscriptions"),
      [&](Core& core) -> absl::Status {
        return update(core, push_.policy(), update_request).status();
      },
      [this, name = request->subscription()] { push_.refresh(name); });
}

grpc::ServerUnaryReactor* SubscriberService::ListSubscriptions(
    grpc::CallbackServerContext* context, const api::ListSubscriptionsRequest* request,
    api::ListSubscriptionsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list subscriptions"));
    RETURN_IF_ERROR(check_project_name(request->project()));
    return broker_.with_core([&](Core& core) {
      return visit_page(
          core.subscriptions(), request->project() + "/subscriptions/", request->page_size(),
          request->page_token(), [](const auto& entry) -> const auto& { return entry.first; },
          [&](const auto& entry) {
            *response->add_subscriptions() =
                subscription_of(core, **core.subscription(entry.first));
          },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::DeleteSubscription(
    grpc::CallbackServerContext* context, const api::DeleteSubscriptionRequest* request,
    google::protobuf::Empty* /*response*/) {
  return answer_change(
      context, broker_, access_.check_receiver(*context, broker_, request->subscription()),
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_subscription_name(request->subscription()));
        return core.delete_subscription(request->subscription());
      },
      [this, name = request->subscription()] {
        push_.refresh(name);
        iam_.forget(name);
      });
}

grpc::ServerUnaryReactor* SubscriberService::ModifyAckDeadline(
    grpc::CallbackServerContext* context, const api::ModifyAckDeadlineRequest* request,
    google::protobuf::Empty* /*response*/) {
  return answer_acks(context, request->ack_ids(), [&](const AckDone& done) -> absl::Status {
    RETURN_IF_ERROR(access_.check_receiver(*context, broker_, request->subscription()));
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    RETURN_IF_ERROR(check_ack_ids(request->ack_ids_size()));
    RETURN_IF_ERROR(check_extension(request->ack_deadline_seconds()));
    broker_.modify_deadline(request->subscription(), parse_ack_ids(request->ack_ids()),
                            std::chrono::seconds(request->ack_deadline_seconds()), done);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SubscriberService::Acknowledge(grpc::CallbackServerContext* context,
                                                         const api::AcknowledgeRequest* request,
                                                         google::protobuf::Empty* /*response*/) {
  return answer_acks(context, request->ack_ids(), [&](const AckDone& done) -> absl::Status {
    RETURN_IF_ERROR(access_.check_receiver(*context, broker_, request->subscription()));
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    RETURN_IF_ERROR(check_ack_ids(request->ack_ids_size()));
    broker_.acknowledge(request->subscription(), parse_ack_ids(request->ack_ids()), done);
    return absl::OkStatus();
  });
}

ReceiverCheck SubscriberService::receiver(const grpc::ServerContextBase& context) {
  return [this, rights = access_.rights_of(context)](const std::string& subscription) {
    return access_.check_receiver(rights, broker_, subscription);
  };
}

grpc::ServerUnaryReactor* SubscriberService::Pull(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return start_pull(broker_, receiver(*context), *request, response);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SubscriberService::StreamingPull(
    grpc::CallbackServerContext* context) {
  return start_streaming_pull(broker_, receiver(*context));
}

grpc::ServerUnaryReactor* SubscriberService::CreateSnapshot(
    grpc::CallbackServerContext* context, const api::CreateSnapshotRequest* request,
    api::Snapshot* response) {
  const std::int64_t now_us = to_us(broker_.clock().wall_now());
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_administer, "create snapshots"),
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_subscription_name(request->subscription()));
        api::Snapshot wanted;
        wanted.set_name(request->name().empty()
                            ? generated_name(project_of(request->subscription()), "snapshots")
                            : request->name());
        *wanted.mutable_labels() = request->labels();
        RETURN_IF_ERROR(check_snapshot_name(wanted.name()));
        RETURN_IF_ERROR(check_labels(wanted.labels()));
        RETURN_IF_ERROR(core.retention().create_snapshot(wanted.name(), request->subscription(),
                                                         wanted.SerializeAsString(), now_us));
        *response = snapshot_of(**core.retention().snapshot(wanted.name()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* SubscriberService::GetSnapshot(grpc::CallbackServerContext* context,
                                                         const api::GetSnapshotRequest* request,
                                                         api::Snapshot* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "read snapshots"));
    RETURN_IF_ERROR(check_snapshot_name(request->snapshot()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const LogConfig* stored, core.retention().snapshot(request->snapshot()));
      *response = snapshot_of(*stored);
      return absl::OkStatus();
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::UpdateSnapshot(
    grpc::CallbackServerContext* context, const api::UpdateSnapshotRequest* request,
    api::Snapshot* response) {
  return answer_change(context, broker_,
                       access_.check(*context, &Rights::may_administer, "change snapshots"),
                       [&](Core& core) -> absl::Status {
                         const std::string& name = request->snapshot().name();
                         RETURN_IF_ERROR(check_snapshot_name(name));
                         ASSIGN_OR_RETURN(const LogConfig* stored, core.retention().snapshot(name));
                         ASSIGN_OR_RETURN(const api::Snapshot updated,
                                          updated_snapshot(snapshot_of(*stored), *request));
                         RETURN_IF_ERROR(core.retention().update_snapshot(
                             name, to_us(updated.expire_time()), updated.SerializeAsString()));
                         *response = snapshot_of(**core.retention().snapshot(name));
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* SubscriberService::ListSnapshots(grpc::CallbackServerContext* context,
                                                           const api::ListSnapshotsRequest* request,
                                                           api::ListSnapshotsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list snapshots"));
    RETURN_IF_ERROR(check_project_name(request->project()));
    return broker_.with_core([&](Core& core) {
      return visit_page(
          core.retention().snapshots(), request->project() + "/snapshots/", request->page_size(),
          request->page_token(), [](const auto& entry) -> const auto& { return entry.first; },
          [&](const auto& entry) {
            *response->add_snapshots() = snapshot_of(**core.retention().snapshot(entry.first));
          },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* SubscriberService::DeleteSnapshot(
    grpc::CallbackServerContext* context, const api::DeleteSnapshotRequest* request,
    google::protobuf::Empty* /*response*/) {
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_administer, "delete snapshots"),
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_snapshot_name(request->snapshot()));
        return core.retention().delete_snapshot(request->snapshot());
      },
      [this, name = request->snapshot()] { iam_.forget(name); });
}

grpc::ServerUnaryReactor* SubscriberService::Seek(grpc::CallbackServerContext* context,
                                                  const api::SeekRequest* request,
                                                  api::SeekResponse* /*response*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Done done = [reactor](const absl::Status& status) { reactor->Finish(to_grpc(status)); };
  const auto target = [&]() -> absl::StatusOr<SeekTarget> {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "seek"));
    RETURN_IF_ERROR(check_subscription_name(request->subscription()));
    if (request->has_time()) return SeekTarget{.published_us = to_us(request->time())};
    if (!request->has_snapshot()) {
      return absl::InvalidArgumentError("A seek needs a time or a snapshot.");
    }
    RETURN_IF_ERROR(check_snapshot_name(request->snapshot()));
    return SeekTarget{.snapshot = request->snapshot()};
  }();
  if (target.ok()) {
    broker_.seek(request->subscription(), *target, done);
  } else {
    done(target.status());
  }
  return reactor;
}

}  // namespace pollbus::broker
