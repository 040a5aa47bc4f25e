#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>

#include <memory>
#include <utility>

namespace pollbus::broker {

// Wraps the handler of a method so that a request is parsed only if may_parse() allows it; any
// other request reaches the handler as a malformed one. gRPC itself limits only the bytes of a
// request, and two bytes can take some hundred in memory once they are parsed.
class BoundedHandler final : public grpc::internal::MethodHandler {
 public:
  BoundedHandler(std::unique_ptr<grpc::internal::MethodHandler> handler,
                 const google::protobuf::Descriptor& request)
      : handler_(std::move(handler)), request_(request) {}

  void RunHandler(const HandlerParameter& parameter) override { handler_->RunHandler(parameter); }
  void* Deserialize(grpc_call* call, grpc_byte_buffer* request, grpc::Status* status,
                    void** data) override;

 private:
  bool is_allowed(grpc_byte_buffer* request) const;

  const std::unique_ptr<grpc::internal::MethodHandler> handler_;
  const google::protobuf::Descriptor& request_;
};

// The handler of a unary method of a service, for grpc::Service::MarkMethodCallback(), which owns
// it. Borrows the service.
template <typename Service, typename Request, typename Response>
grpc::internal::MethodHandler* bounded(
    Service* service, grpc::ServerUnaryReactor* (Service::*method)(grpc::CallbackServerContext*,
                                                                   const Request*, Response*)) {
  using Handler = grpc::internal::CallbackUnaryHandler<Request, Response>;
  auto handler =
      std::make_unique<Handler>([service, method](grpc::CallbackServerContext* context,
                                                  const Request* request, Response* response) {
        return (service->*method)(context, request, response);
      });
  return new BoundedHandler(std::move(handler), *Request::descriptor());
}

// The number by which gRPC knows a method: its place in the definition of the service.
int index_of_method(const char* service, const char* method);

}  // namespace pollbus::broker
