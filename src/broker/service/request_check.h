#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

namespace pollbus::broker {

// Interceptors that give a text to errors which gRPC answers by itself, without one: a request that
// cannot be parsed is INVALID_ARGUMENT (gRPC says UNIMPLEMENTED), and a method without an
// implementation is UNIMPLEMENTED with its name. The methods that parse their own requests
// (Publish, Pull, StreamingPull) are left out, so they cost nothing.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
request_check_interceptors();

}  // namespace pollbus::broker
