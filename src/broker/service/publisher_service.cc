#include "broker/service/publisher_service.h"

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/grpc_status.h"
#include "broker/service/paging.h"
#include "broker/service/publish_request.h"
#include "broker/service/resources.h"
#include "broker/service/unary.h"
#include "broker/service/wire.h"

namespace pollbus::broker {

namespace api = google::pubsub::v1;

grpc::ServerUnaryReactor* PublisherService::CreateTopic(grpc::CallbackServerContext* context,
                                                        const api::Topic* request,
                                                        api::Topic* response) {
  return answer(context, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*response, checked_topic(*request));
    return broker_.with_core([&](Core& core) {
      return core.create_topic(response->name(), response->SerializeAsString());
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::UpdateTopic(grpc::CallbackServerContext* context,
                                                        const api::UpdateTopicRequest* request,
                                                        api::Topic* response) {
  return answer(context, [&]() -> absl::Status {
    const std::string& name = request->topic().name();
    RETURN_IF_ERROR(check_topic_name(name));
    return broker_.with_core([&](Core& core) -> absl::Status {
      ASSIGN_OR_RETURN(const Topic* stored, core.topic(name));
      ASSIGN_OR_RETURN(*response, updated_topic(topic_of(*stored), *request));
      return core.update_topic(name, response->SerializeAsString());
    });
  });
}

grpc::ServerUnaryReactor* PublisherService::GetTopic(grpc::CallbackServerContext* context,
                                                     const api::GetTopicRequest* request,
                                                     api::Topic* response) {
  return answer(context, [&]() -> absl::Status {
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

grpc::ServerUnaryReactor* PublisherService::DeleteTopic(grpc::CallbackServerContext* context,
                                                        const api::DeleteTopicRequest* request,
                                                        google::protobuf::Empty* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_topic_name(request->topic()));
    return broker_.with_core([&](Core& core) { return core.delete_topic(request->topic()); });
  });
}

grpc::ServerUnaryReactor* PublisherService::Publish(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  return answer(context, [&] { return publish(*request, response); });
}

absl::Status PublisherService::publish(const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer* response) {
  google::protobuf::Arena arena;
  auto* parsed = google::protobuf::Arena::CreateMessage<api::PublishRequest>(&arena);
  grpc::ByteBuffer buffer = request;
  if (!decode(&buffer, parsed)) {
    return absl::InvalidArgumentError("The request is no valid PublishRequest.");
  }
  RETURN_IF_ERROR(check_topic_name(parsed->topic()));
  RETURN_IF_ERROR(check_publish_request(*parsed, static_cast<std::int64_t>(request.Length())));
  const auto count = static_cast<std::size_t>(parsed->messages_size());
  const MessageId first = broker_.reserve_message_ids(count);
  const PublishBatch batch(parsed, first, broker_.clock().wall_now());
  RETURN_IF_ERROR(broker_.publish(parsed->topic(), batch.messages()));
  metrics_.published(count, batch.bytes());
  *response = encode_publish_response(first, count);
  return absl::OkStatus();
}

absl::Status ensure_topic(Broker& broker, const std::string& name) {
  api::Topic wanted;
  wanted.set_name(name);
  ASSIGN_OR_RETURN(const api::Topic topic, checked_topic(wanted));
  const absl::Status status = broker.with_core(
      [&](Core& core) { return core.create_topic(name, topic.SerializeAsString()); });
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

}  // namespace pollbus::broker
