#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "broker/service/broker.h"

namespace pollbus::broker {

// Starts a Pull: it answers as soon as there are messages, and with none after kMaxPullWait_s (at
// once with return_immediately). The reactor owns itself.
grpc::ServerUnaryReactor* start_pull(Broker& broker, const grpc::ByteBuffer& request,
                                     grpc::ByteBuffer* response);

}  // namespace pollbus::broker
