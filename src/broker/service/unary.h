#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "broker/service/broker.h"
#include "broker/service/grpc_status.h"

namespace pollbus::broker {

// Answers a unary call with the status that `handle()` returns. `handle` must not block.
template <typename Handle>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(to_grpc(handle()));
  return reactor;
}

// Answers a unary call that changes topics or subscriptions, when the change is on disk. `change`
// is called under the broker's lock and returns the status to answer with. If that is OK, `after`
// is called without the lock, before the answer.
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

// The same for a call that may not be allowed: then answers with that status.
template <typename Change>
grpc::ServerUnaryReactor* answer_change(
    grpc::CallbackServerContext* context, Broker& broker, const absl::Status& allowed,
    Change change, std::function<void()> after = [] {}) {
  if (!allowed.ok()) return answer(context, [&] { return allowed; });
  return answer_change(context, broker, std::move(change), std::move(after));
}

}  // namespace pollbus::broker
