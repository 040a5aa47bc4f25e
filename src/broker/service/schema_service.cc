#include "broker/service/schema_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/bounded_method.h"
#include "broker/service/paging.h"
#include "broker/service/unary.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

// BASIC leaves out the definition.
api::Schema shown(const api::Schema& schema, api::SchemaView view) {
  api::Schema result = schema;
  if (view == api::BASIC) result.clear_definition();
  return result;
}

api::SchemaView or_basic(api::SchemaView view) { return view == api::FULL ? view : api::BASIC; }

auto find(const SchemaRevisions& revisions, const std::string& id) {
  return std::ranges::find_if(
      revisions, [&](const SchemaRevision& each) { return each.schema.revision_id() == id; });
}

absl::Status annotated(const absl::Status& status) {
  return absl::InvalidArgumentError(
      fmt::format("Invalid data in message: Message failed schema validation: {}",
                  std::string(status.message())));
}

}  // namespace

SchemaService::SchemaService(Broker& broker, SchemaRegistry& registry, IamService& iam,
                             Access& access)
    : broker_(broker), registry_(registry), iam_(iam), access_(access) {
  const auto bound = [this](const char* name, auto method) {
    MarkMethodCallback(index_of_method(api::SchemaService::service_full_name(), name),
                       bounded(this, method));
  };
  bound("CreateSchema", &SchemaService::CreateSchema);
  bound("GetSchema", &SchemaService::GetSchema);
  bound("ListSchemas", &SchemaService::ListSchemas);
  bound("ListSchemaRevisions", &SchemaService::ListSchemaRevisions);
  bound("CommitSchema", &SchemaService::CommitSchema);
  bound("RollbackSchema", &SchemaService::RollbackSchema);
  bound("DeleteSchemaRevision", &SchemaService::DeleteSchemaRevision);
  bound("DeleteSchema", &SchemaService::DeleteSchema);
  bound("ValidateSchema", &SchemaService::ValidateSchema);
  bound("ValidateMessage", &SchemaService::ValidateMessage);
}

absl::Status SchemaService::check_access(const grpc::CallbackServerContext& context) {
  return access_.check(context, &Rights::may_administer, "use schemas");
}

grpc::ServerUnaryReactor* SchemaService::CreateSchema(grpc::CallbackServerContext* context,
                                                      const api::CreateSchemaRequest* request,
                                                      api::Schema* response) {
  api::Schema schema = request->schema();
  schema.set_name(fmt::format("{}/schemas/{}", request->parent(), request->schema_id()));
  absl::Status status = check_access(*context);
  if (status.ok()) status = check_project_name(request->parent());
  if (status.ok()) status = check_schema_name(schema.name());
  // Compiled here, because the change is made under the broker's lock.
  auto compiled = status.ok() ? MessageSchema::compile(schema.type(), schema.definition()) : status;
  return answer_change(context, broker_, compiled.status(), [&](Core& core) -> absl::Status {
    ASSIGN_OR_RETURN(*response, registry_.create(core, std::move(schema), *std::move(compiled)));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::CommitSchema(grpc::CallbackServerContext* context,
                                                      const api::CommitSchemaRequest* request,
                                                      api::Schema* response) {
  api::Schema schema = request->schema();
  schema.set_name(request->name());
  absl::Status status = check_access(*context);
  if (status.ok()) status = check_schema_name(schema.name());
  auto compiled = status.ok() ? MessageSchema::compile(schema.type(), schema.definition()) : status;
  return answer_change(context, broker_, compiled.status(), [&](Core& core) -> absl::Status {
    ASSIGN_OR_RETURN(*response, registry_.commit(core, std::move(schema), *std::move(compiled)));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::GetSchema(grpc::CallbackServerContext* context,
                                                   const api::GetSchemaRequest* request,
                                                   api::Schema* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_access(*context));
    const auto [name, revision] = split_revision(request->name());
    RETURN_IF_ERROR(check_schema_name(name));
    ASSIGN_OR_RETURN(const auto revisions, registry_.revisions(name));
    const auto found = revision.empty() ? std::prev(revisions->end()) : find(*revisions, revision);
    if (found == revisions->end()) return not_found(request->name());
    *response = shown(found->schema, request->view());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::ListSchemas(grpc::CallbackServerContext* context,
                                                     const api::ListSchemasRequest* request,
                                                     api::ListSchemasResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_access(*context));
    RETURN_IF_ERROR(check_project_name(request->parent()));
    return broker_.with_core([&](Core& core) {
      return visit_page(
          core.schemas(), request->parent() + "/schemas/", request->page_size(),
          request->page_token(), [](const auto& entry) -> const auto& { return entry.first; },
          [&](const auto& entry) {
            const auto revisions = registry_.revisions(entry.first);
            if (!revisions.ok()) return;
            *response->add_schemas() =
                shown((*revisions)->back().schema, or_basic(request->view()));
          },
          response->mutable_next_page_token());
    });
  });
}

grpc::ServerUnaryReactor* SchemaService::ListSchemaRevisions(
    grpc::CallbackServerContext* context, const api::ListSchemaRevisionsRequest* request,
    api::ListSchemaRevisionsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_access(*context));
    RETURN_IF_ERROR(check_schema_name(request->name()));
    if (request->page_size() < 0) {
      return absl::InvalidArgumentError("The page_size must not be negative.");
    }
    ASSIGN_OR_RETURN(const auto revisions, registry_.revisions(request->name()));
    auto at = revisions->begin();
    if (!request->page_token().empty()) {
      at = find(*revisions, request->page_token());
      if (at == revisions->end()) return absl::InvalidArgumentError("Invalid page_token.");
    }
    const int most = request->page_size() == 0 ? kMaxSchemaRevisions : request->page_size();
    for (; at != revisions->end() && response->schemas_size() < most; ++at) {
      *response->add_schemas() = shown(at->schema, or_basic(request->view()));
    }
    if (at != revisions->end()) response->set_next_page_token(at->schema.revision_id());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::RollbackSchema(grpc::CallbackServerContext* context,
                                                        const api::RollbackSchemaRequest* request,
                                                        api::Schema* response) {
  return answer_change(context, broker_, check_access(*context), [&](Core& core) -> absl::Status {
    RETURN_IF_ERROR(check_schema_name(request->name()));
    ASSIGN_OR_RETURN(*response, registry_.roll_back(core, request->name(), request->revision_id()));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::DeleteSchemaRevision(
    grpc::CallbackServerContext* context, const api::DeleteSchemaRevisionRequest* request,
    api::Schema* response) {
  return answer_change(context, broker_, check_access(*context), [&](Core& core) -> absl::Status {
    const auto [name, revision] = split_revision(request->name());
    RETURN_IF_ERROR(check_schema_name(name));
    if (revision.empty()) {
      return absl::InvalidArgumentError("The name must have a revision: <schema>@<revision>.");
    }
    ASSIGN_OR_RETURN(*response, registry_.delete_revision(core, name, revision));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SchemaService::DeleteSchema(grpc::CallbackServerContext* context,
                                                      const api::DeleteSchemaRequest* request,
                                                      google::protobuf::Empty* /*response*/) {
  return answer_change(
      context, broker_, check_access(*context),
      [&](Core& core) -> absl::Status {
        RETURN_IF_ERROR(check_schema_name(request->name()));
        return registry_.remove(core, request->name());
      },
      [this, name = request->name()] { iam_.forget(name); });
}

grpc::ServerUnaryReactor* SchemaService::ValidateSchema(grpc::CallbackServerContext* context,
                                                        const api::ValidateSchemaRequest* request,
                                                        api::ValidateSchemaResponse* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_access(*context));
    RETURN_IF_ERROR(check_project_name(request->parent()));
    return MessageSchema::compile(request->schema().type(), request->schema().definition())
        .status();
  });
}

grpc::ServerUnaryReactor* SchemaService::ValidateMessage(
    grpc::CallbackServerContext* context, const api::ValidateMessageRequest* request,
    api::ValidateMessageResponse* /*response*/) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_access(*context));
    RETURN_IF_ERROR(check_project_name(request->parent()));
    return validate(*request);
  });
}

absl::Status SchemaService::validate(const api::ValidateMessageRequest& request) const {
  if (request.encoding() != api::JSON && request.encoding() != api::BINARY) {
    return absl::InvalidArgumentError("Invalid schema encoding provided.");
  }
  std::shared_ptr<const MessageSchema> schema;
  if (request.has_schema()) {
    ASSIGN_OR_RETURN(
        schema, MessageSchema::compile(request.schema().type(), request.schema().definition()));
  } else {
    const auto [name, revision] = split_revision(request.name());
    RETURN_IF_ERROR(check_schema_name(name));
    ASSIGN_OR_RETURN(const auto revisions, registry_.revisions(name));
    const auto found = revision.empty() ? std::prev(revisions->end()) : find(*revisions, revision);
    if (found == revisions->end()) return not_found(request.name());
    schema = found->compiled;
  }
  if (schema == nullptr) return absl::InvalidArgumentError("The schema cannot be used.");
  const absl::Status status = schema->check(request.message(), request.encoding());
  return status.ok() ? status : annotated(status);
}

}  // namespace pollbus::broker
