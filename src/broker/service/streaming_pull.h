#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "broker/service/access.h"
#include "broker/service/broker.h"

namespace pollbus::broker {

// Starts a StreamingPull. The reactor deletes itself.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_streaming_pull(
    Broker& broker, ReceiverCheck may_receive);

}  // namespace pollbus::broker
