#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "broker/service/broker.h"
#include "broker/service/grpc_status.h"

namespace pollbus::broker {

// Answers a unary call with what `handle()` returns; nothing in it may wait.
template <typename Handle>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(to_grpc(handle()));
  return reactor;
}

// Answers a unary call that changes topics or subscriptions: with what `change(Core&)` returns,
// once that is on disk. It is called under the broker's lock. `after` is called, without it, before
// the answer when all went well.
template <typename Change>
grpc::ServerUnaryReactor* answer_change(
    grpc::CallbackServerContext* context, Broker& broker, Change change,
    std::function<void()> after = [] {}) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  broker.change(change, [reactor, after = std::move(after)](const absl::Status& status) {
    if (status.ok()) after();
    reactor->Finish(to_grpc(status));
  });
  return reactor;
}

}  // namespace pollbus::broker
