#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>

#include "broker/service/access.h"
#include "broker/service/broker.h"
#include "broker/service/iam_service.h"
#include "broker/service/schema_registry.h"

namespace pollbus::broker {

// google.pubsub.v1.Publisher on a Broker. Methods that are not overridden here answer
// UNIMPLEMENTED. Publish is raw: its request is parsed into an arena. Borrows what it is given.
class PublisherService final
    : public google::pubsub::v1::Publisher::WithRawCallbackMethod_Publish<
          google::pubsub::v1::Publisher::WithCallbackMethod_CreateTopic<
              google::pubsub::v1::Publisher::WithCallbackMethod_UpdateTopic<
                  google::pubsub::v1::Publisher::WithCallbackMethod_GetTopic<
                      google::pubsub::v1::Publisher::WithCallbackMethod_ListTopics<
                          google::pubsub::v1::Publisher::WithCallbackMethod_ListTopicSubscriptions<
                              google::pubsub::v1::Publisher::WithCallbackMethod_ListTopicSnapshots<
                                  google::pubsub::v1::Publisher::WithCallbackMethod_DeleteTopic<
                                      google::pubsub::v1::Publisher::
                                          WithCallbackMethod_DetachSubscription<
                                              google::pubsub::v1::Publisher::Service>>>>>>>>> {
 public:
  // Borrows what it is given.
  PublisherService(Broker& broker, BrokerMetrics& metrics, SchemaRegistry& schemas, IamService& iam,
                   Access& access);

  grpc::ServerUnaryReactor* CreateTopic(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::Topic* request,
                                        google::pubsub::v1::Topic* response) override;
  grpc::ServerUnaryReactor* UpdateTopic(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::UpdateTopicRequest* request,
                                        google::pubsub::v1::Topic* response) override;
  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetTopic(grpc::CallbackServerContext* context,
                                     const google::pubsub::v1::GetTopicRequest* request,
                                     google::pubsub::v1::Topic* response) override;
  grpc::ServerUnaryReactor* ListTopics(grpc::CallbackServerContext* context,
                                       const google::pubsub::v1::ListTopicsRequest* request,
                                       google::pubsub::v1::ListTopicsResponse* response) override;
  grpc::ServerUnaryReactor* ListTopicSubscriptions(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ListTopicSubscriptionsRequest* request,
      google::pubsub::v1::ListTopicSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* ListTopicSnapshots(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ListTopicSnapshotsRequest* request,
      google::pubsub::v1::ListTopicSnapshotsResponse* response) override;
  grpc::ServerUnaryReactor* DetachSubscription(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::DetachSubscriptionRequest* request,
      google::pubsub::v1::DetachSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* DeleteTopic(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::DeleteTopicRequest* request,
                                        google::protobuf::Empty* response) override;

 private:
  void publish(const grpc::ServerContextBase& context, const grpc::ByteBuffer& request,
               grpc::ByteBuffer* response, Done done);
  bool publish_plain(const grpc::ByteBuffer& request, grpc::ByteBuffer* response, Done& done);
  void publish(const std::string& topic, const IncomingBatch& batch, grpc::ByteBuffer* response,
               Done done);

  Broker& broker_;
  BrokerMetrics& metrics_;
  SchemaRegistry& schemas_;
  IamService& iam_;
  Access& access_;
};

}  // namespace pollbus::broker
