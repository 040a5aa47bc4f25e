#pragma once

#include <google/pubsub/v1/schema.grpc.pb.h>

#include "broker/service/access.h"

namespace pollbus::broker {

// google.pubsub.v1.SchemaService without schemas: ListSchemas returns an empty list, because
// programs that clean up a project call it. All other methods are UNIMPLEMENTED. Borrows `access`.
class SchemaService final : public google::pubsub::v1::SchemaService::CallbackService {
 public:
  explicit SchemaService(Access& access) : access_(access) {}

  grpc::ServerUnaryReactor* ListSchemas(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::ListSchemasRequest* request,
                                        google::pubsub::v1::ListSchemasResponse* response) override;

 private:
  Access& access_;
};

}  // namespace pollbus::broker
