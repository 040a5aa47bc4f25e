#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace pollbus::broker {

// The payload of an absl::Status that goes to the client as a detail: a serialized ErrorInfo.
constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

// The canonical codes are the same numbers on both sides.
grpc::Status to_grpc(const absl::Status& status);

}  // namespace pollbus::broker
