#include "broker/service/publisher_service.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/bounded_method.h"
#include "broker/service/grpc_status.h"
#include "broker/service/paging.h"
#include "broker/service/plain_publish.h"
#include "broker/service/publish_request.h"
#include "broker/service/resources.h"
#include "broker/service/unary.h"
#include "broker/service/wire.h"

namespace pollbus::broker {

namespace api = google::pubsub::v1;

namespace {

bool names_schema(const google::protobuf::FieldMask& mask) {
  return std::ranges::any_of(mask.paths(), [](const std::string& path) {
    return path.substr(0, path.find('.')) == "schema_settings";
  });
}

}  // namespace

PublisherService::PublisherService(Broker& broker, BrokerMetrics& metrics, SchemaRegistry& schemas,
                                   IamService& iam, Access& access)
    : broker_(broker), metrics_(metrics), schemas_(schemas), iam_(iam), access_(access) {
  const auto bound = [this](const char* name, auto method) {
    MarkMethodCallback(index_of_method(api::Publisher::service_full_name(), name),
                       bounded(this, method));
  };
  bound("CreateTopic", &PublisherService::CreateTopic);
  bound("UpdateTopic", &PublisherService::UpdateTopic);
  bound("GetTopic", &PublisherService::GetTopic);
  bound("ListTopics", &PublisherService::ListTopics);
  bound("ListTopicSubscriptions", &PublisherService::ListTopicSubscriptions);
  bound("ListTopicSnapshots", &PublisherService::ListTopicSnapshots);
  bound("DeleteTopic", &PublisherService::DeleteTopic);
  bound("DetachSubscription", &PublisherService::DetachSubscription);
}

grpc::ServerUnaryReactor* PublisherService::CreateTopic(grpc::CallbackServerContext* context,
                                                        const api::Topic* request,
                                                        api::Topic* response) {
  // Services create the topics that they need; if they exist already, that is no administration.
  const bool exists =
      broker_.with_core([&](Core& core) { return core.topic(request->name()).ok(); });
  const absl::Status allowed =
      exists ? access_.check(*context, &Rights::may_use_topic, request->name())
             : access_.check(*context, &Rights::may_administer, "create topics");
  return answer_change(context, broker_, allowed, [&](Core& core) -> absl::Status {
    ASSIGN_OR_RETURN(*response, checked_topic(*request));
    if (response->has_schema_settings()) {
      RETURN_IF_ERROR(schemas_.check(response->schema_settings()));
    }
    RETURN_IF_ERROR(core.create_topic(response->name(), response->SerializeAsString(),
                                      retention_of(*response)));
    schemas_.set_topic(*response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PublisherService::UpdateTopic(grpc::CallbackServerContext* context,
                                                        const api::UpdateTopicRequest* request,
                                                        api::Topic* response) {
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_administer, "change topics"),
      [&](Core& core) -> absl::Status {
        const std::string& name = request->topic().name();
        RETURN_IF_ERROR(check_topic_name(name));
        ASSIGN_OR_RETURN(const Topic* stored, core.topic(name));
        ASSIGN_OR_RETURN(*response, updated_topic(topic_of(*stored), *request));
        // Other settings can be changed although the schema was deleted.
        if (response->has_schema_settings() && names_schema(request->update_mask())) {
          RETURN_IF_ERROR(schemas_.check(response->schema_settings()));
        }
        RETURN_IF_ERROR(
            core.update_topic(name, response->SerializeAsString(), retention_of(*response)));
        schemas_.set_topic(*response);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* PublisherService::GetTopic(grpc::CallbackServerContext* context,
                                                     const api::GetTopicRequest* request,
                                                     api::Topic* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_use_topic, request->topic()));
    RETURN_IF_ERROR(check_topic_name(request->topic()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const Topic* stored, core.topic(request->topic()));
      *response = topic_of(*stored);
      return absl::OkStatus();
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::ListTopics(grpc::CallbackServerContext* context,
                                                       const api::ListTopicsRequest* request,
                                                       api::ListTopicsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list topics"));
    RETURN_IF_ERROR(check_project_name(request->project()));
    return broker_.with_core([&](Core& core) {
      return visit_page(
          core.topics(), request->project() + "/topics/", request->page_size(),
          request->page_token(), [](const auto& entry) -> const auto& { return entry.first; },
          [&](const auto& entry) { *response->add_topics() = topic_of(entry.second); },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::ListTopicSubscriptions(
    grpc::CallbackServerContext* context, const api::ListTopicSubscriptionsRequest* request,
    api::ListTopicSubscriptionsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list subscriptions"));
    RETURN_IF_ERROR(check_topic_name(request->topic()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const Topic* topic, core.topic(request->topic()));
      return visit_page(
          topic->subscriptions, "projects/", request->page_size(), request->page_token(),
          [](const std::string& name) -> const std::string& { return name; },
          [&](const std::string& name) { response->add_subscriptions(name); },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::ListTopicSnapshots(
    grpc::CallbackServerContext* context, const api::ListTopicSnapshotsRequest* request,
    api::ListTopicSnapshotsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list snapshots"));
    RETURN_IF_ERROR(check_topic_name(request->topic()));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const Topic* topic, core.topic(request->topic()));
      return visit_page(
          topic->snapshots, "projects/", request->page_size(), request->page_token(),
          [](const std::string& name) -> const std::string& { return name; },
          [&](const std::string& name) { response->add_snapshots(name); },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::DetachSubscription(
    grpc::CallbackServerContext* context, const api::DetachSubscriptionRequest* request,
    api::DetachSubscriptionResponse* /*response*/) {
  return answer_change(context, broker_,
                       access_.check(*context, &Rights::may_administer, "detach subscriptions"),
                       [&](Core& core) -> absl::Status {
                         RETURN_IF_ERROR(check_subscription_name(request->subscription()));
                         return core.detach_subscription(request->subscription());
                       });
}

grpc::ServerUnaryReactor* PublisherService::DeleteTopic(grpc::CallbackServerContext* context,
                                                        const api::DeleteTopicRequest* request,
                                                        google::protobuf::Empty* /*response*/) {
  return answer_change(
      context, broker_, access_.check(*context, &Rights::may_administer, "delete topics"),
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_topic_name(request->topic()));
        RETURN_IF_ERROR(core.delete_topic(request->topic()));
        schemas_.forget_topic(request->topic());
        return absl::OkStatus();
      },
      [this, name = request->topic()] { iam_.forget(name); });
}

grpc::ServerUnaryReactor* PublisherService::Publish(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  publish(*context, *request, response,
          [reactor](const absl::Status& status) { reactor->Finish(to_grpc(status)); });
  return reactor;
}

void PublisherService::publish(const grpc::ServerContextBase& context,
                               const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                               Done done) {
  if (publish_plain(request, response, done)) return;
  google::protobuf::Arena arena;
  auto* parsed = google::protobuf::Arena::CreateMessage<api::PublishRequest>(&arena);
  grpc::ByteBuffer buffer = request;
  if (!decode(&buffer, parsed)) {
    done(absl::InvalidArgumentError(
        "The request is not a valid PublishRequest, or has too many values."));
    return;
  }
  absl::Status status = access_.check(context, &Rights::may_publish, *parsed);
  if (status.ok()) status = check_topic_name(parsed->topic());
  if (status.ok()) {
    status = check_publish_request(*parsed, static_cast<std::int64_t>(request.Length()));
  }
  if (status.ok()) {
    if (const auto schema = schemas_.of_topic(parsed->topic())) status = schema->apply(parsed);
  }
  if (!status.ok()) {
    done(status);
    return;
  }
  const auto count = static_cast<std::size_t>(parsed->messages_size());
  const MessageId first = broker_.reserve_message_ids(count);
  const PublishBatch batch(parsed, first, broker_.clock().wall_now());
  publish(parsed->topic(), batch.incoming(), response, std::move(done));
}

// Returns false, and does nothing, unless the request is plain and no rule of a client or a schema
// asks for more.
bool PublisherService::publish_plain(const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
                                     Done& done) {
  grpc::Slice slice;
  if (!access_.is_unrestricted() || !request.DumpToSingleSlice(&slice).ok()) return false;
  const auto plain =
      PlainPublish::read({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  if (!plain) return false;
  const std::string topic(plain->topic());
  if (!check_topic_name(topic).ok() || schemas_.of_topic(topic)) return false;
  const MessageId first = broker_.reserve_message_ids(plain->messages());
  publish(topic, plain->batch(first, broker_.clock().wall_now()), response, std::move(done));
  return true;
}

void PublisherService::publish(const std::string& topic, const IncomingBatch& batch,
                               grpc::ByteBuffer* response, Done done) {
  broker_.publish(
      topic, batch,
      [this, response, first = batch.first_id, count = batch.ends.size(),
       bytes = batch.body->size(), done = std::move(done)](const absl::Status& published) {
        if (published.ok()) {
          metrics_.published(count, bytes);
          *response = encode_publish_response(first, count);
        }
        done(published);
      });
}

}  // namespace pollbus::broker
