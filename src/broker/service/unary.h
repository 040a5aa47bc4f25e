#pragma once

#include <grpcpp/support/server_callback.h>

#include "broker/service/grpc_status.h"

namespace pollbus::broker {

// Answers a unary call with what `handle()` returns; nothing in it may wait.
template <typename Handle>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(to_grpc(handle()));
  return reactor;
}

}  // namespace pollbus::broker
