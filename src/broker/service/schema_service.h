#pragma once

#include <google/pubsub/v1/schema.grpc.pb.h>

namespace pollbus::broker {

// google.pubsub.v1.SchemaService of a server that has no schemas: their list is empty, which is
// what programs ask for that tidy up, and everything else is UNIMPLEMENTED.
class SchemaService final : public google::pubsub::v1::SchemaService::CallbackService {
 public:
  grpc::ServerUnaryReactor* ListSchemas(grpc::CallbackServerContext* context,
                                        const google::pubsub::v1::ListSchemasRequest* request,
                                        google::pubsub::v1::ListSchemasResponse* response) override;
};

}  // namespace pollbus::broker
