#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>

#include "broker/service/access.h"
#include "broker/service/broker.h"
#include "broker/service/iam_service.h"
#include "broker/service/push_delivery.h"

namespace pollbus::broker {

// All methods of the service on the callback API. The two that deliver messages are raw, because
// messages are stored serialized and sent as they are.
using SubscriberBase = google::pubsub::v1::Subscriber;
using SubscriberSnapshots =
    SubscriberBase::WithCallbackMethod_GetSnapshot<SubscriberBase::WithCallbackMethod_ListSnapshots<
        SubscriberBase::WithCallbackMethod_CreateSnapshot<
            SubscriberBase::WithCallbackMethod_UpdateSnapshot<
                SubscriberBase::WithCallbackMethod_DeleteSnapshot<
                    SubscriberBase::WithCallbackMethod_Seek<SubscriberBase::Service>>>>>>;
using SubscriberAdministration = SubscriberBase::WithCallbackMethod_CreateSubscription<
    SubscriberBase::WithCallbackMethod_GetSubscription<
        SubscriberBase::WithCallbackMethod_UpdateSubscription<
            SubscriberBase::WithCallbackMethod_ListSubscriptions<
                SubscriberBase::WithCallbackMethod_DeleteSubscription<
                    SubscriberBase::WithCallbackMethod_ModifyPushConfig<SubscriberSnapshots>>>>>>;
using SubscriberMethods = SubscriberBase::WithCallbackMethod_ModifyAckDeadline<
    SubscriberBase::WithCallbackMethod_Acknowledge<SubscriberBase::WithRawCallbackMethod_Pull<
        SubscriberBase::WithRawCallbackMethod_StreamingPull<SubscriberAdministration>>>>;

// google.pubsub.v1.Subscriber on a Broker. Methods that are not overridden here answer
// UNIMPLEMENTED. Borrows what it is given.
class SubscriberService final : public SubscriberMethods {
 public:
  SubscriberService(Broker& broker, PushDelivery& push, IamService& iam, Access& access);

  grpc::ServerUnaryReactor* CreateSubscription(grpc::CallbackServerContext* context,
                                               const google::pubsub::v1::Subscription* request,
                                               google::pubsub::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* GetSubscription(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::GetSubscriptionRequest* request,
      google::pubsub::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* UpdateSubscription(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::UpdateSubscriptionRequest* request,
      google::pubsub::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* ListSubscriptions(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ListSubscriptionsRequest* request,
      google::pubsub::v1::ListSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSubscription(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::DeleteSubscriptionRequest* request,
      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ModifyPushConfig(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ModifyPushConfigRequest* request,
      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ModifyAckDeadline(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ModifyAckDeadlineRequest* request,
      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::AcknowledgeRequest* request,
                                        google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* Pull(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamingPull(
      grpc::CallbackServerContext* context) override;

  grpc::ServerUnaryReactor* CreateSnapshot(grpc::CallbackServerContext* context,
                                           const google::pubsub::v1::CreateSnapshotRequest* request,
                                           google::pubsub::v1::Snapshot* response) override;
  grpc::ServerUnaryReactor* GetSnapshot(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::GetSnapshotRequest* request,
                                        google::pubsub::v1::Snapshot* response) override;
  grpc::ServerUnaryReactor* UpdateSnapshot(grpc::CallbackServerContext* context,
                                           const google::pubsub::v1::UpdateSnapshotRequest* request,
                                           google::pubsub::v1::Snapshot* response) override;
  grpc::ServerUnaryReactor* ListSnapshots(
      grpc::CallbackServerContext* context, const google::pubsub::v1::ListSnapshotsRequest* request,
      google::pubsub::v1::ListSnapshotsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSnapshot(grpc::CallbackServerContext* context,
                                           const google::pubsub::v1::DeleteSnapshotRequest* request,
                                           google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* Seek(grpc::CallbackServerContext* context,
                                 const google::pubsub::v1::SeekRequest* request,
                                 google::pubsub::v1::SeekResponse* response) override;

 private:
  ReceiverCheck receiver(const grpc::ServerContextBase& context);

  Broker& broker_;
  PushDelivery& push_;
  IamService& iam_;
  Access& access_;
};

}  // namespace pollbus::broker
