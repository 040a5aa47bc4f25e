#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace pollbus::broker {

// The payload of an absl::Status that is sent to the client as a detail: a serialized ErrorInfo.
constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

// Converts a status. The canonical codes have the same numbers in both libraries.
grpc::Status to_grpc(const absl::Status& status);

}  // namespace pollbus::broker
