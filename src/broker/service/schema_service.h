#pragma once

#include <google/pubsub/v1/schema.grpc.pb.h>

#include "broker/service/access.h"
#include "broker/service/broker.h"
#include "broker/service/iam_service.h"
#include "broker/service/schema_registry.h"

namespace pollbus::broker {

// google.pubsub.v1.SchemaService; behaves as https://cloud.google.com/pubsub/docs/schemas says.
// Thread-safe.
class SchemaService final : public google::pubsub::v1::SchemaService::CallbackService {
 public:
  // Borrows what it is given.
  SchemaService(Broker& broker, SchemaRegistry& registry, IamService& iam, Access& access);

  grpc::ServerUnaryReactor* CreateSchema(grpc::CallbackServerContext* context,
                                         const google::pubsub::v1::CreateSchemaRequest* request,
                                         google::pubsub::v1::Schema* response) override;
  grpc::ServerUnaryReactor* GetSchema(grpc::CallbackServerContext* context,
                                      const google::pubsub::v1::GetSchemaRequest* request,
                                      google::pubsub::v1::Schema* response) override;
  grpc::ServerUnaryReactor* ListSchemas(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::ListSchemasRequest* request,
                                        google::pubsub::v1::ListSchemasResponse* response) override;
  grpc::ServerUnaryReactor* ListSchemaRevisions(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ListSchemaRevisionsRequest* request,
      google::pubsub::v1::ListSchemaRevisionsResponse* response) override;
  grpc::ServerUnaryReactor* CommitSchema(grpc::CallbackServerContext* context,
                                         const google::pubsub::v1::CommitSchemaRequest* request,
                                         google::pubsub::v1::Schema* response) override;
  grpc::ServerUnaryReactor* RollbackSchema(grpc::CallbackServerContext* context,
                                           const google::pubsub::v1::RollbackSchemaRequest* request,
                                           google::pubsub::v1::Schema* response) override;
  grpc::ServerUnaryReactor* DeleteSchemaRevision(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::DeleteSchemaRevisionRequest* request,
      google::pubsub::v1::Schema* response) override;
  grpc::ServerUnaryReactor* DeleteSchema(grpc::CallbackServerContext* context,
                                         const google::pubsub::v1::DeleteSchemaRequest* request,
                                         google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ValidateSchema(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ValidateSchemaRequest* request,
      google::pubsub::v1::ValidateSchemaResponse* response) override;
  grpc::ServerUnaryReactor* ValidateMessage(
      grpc::CallbackServerContext* context,
      const google::pubsub::v1::ValidateMessageRequest* request,
      google::pubsub::v1::ValidateMessageResponse* response) override;

 private:
  // Whether the client may use schemas.
  absl::Status check_access(const grpc::CallbackServerContext& context);
  absl::Status validate(const google::pubsub::v1::ValidateMessageRequest& request) const;

  Broker& broker_;
  SchemaRegistry& registry_;
  IamService& iam_;
  Access& access_;
};

}  // namespace pollbus::broker
