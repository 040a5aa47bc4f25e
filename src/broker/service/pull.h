#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "broker/service/access.h"
#include "broker/service/broker.h"

namespace pollbus::broker {

// Starts a Pull. It answers as soon as there are messages, or without any after kMaxPullWait (at
// once with return_immediately). The reactor deletes itself.
grpc::ServerUnaryReactor* start_pull(Broker& broker, ReceiverCheck may_receive,
                                     const grpc::ByteBuffer& request, grpc::ByteBuffer* response);

}  // namespace pollbus::broker
