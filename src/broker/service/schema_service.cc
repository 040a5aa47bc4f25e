#include "broker/service/schema_service.h"

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/unary.h"

namespace pollbus::broker {

namespace api = google::pubsub::v1;

grpc::ServerUnaryReactor* SchemaService::ListSchemas(grpc::CallbackServerContext* context,
                                                     const api::ListSchemasRequest* request,
                                                     api::ListSchemasResponse* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "list schemas"));
    return check_project_name(request->parent());
  });
}

}  // namespace pollbus::broker
