#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "broker/rest/rest_state.h"

namespace pollbus::broker {

// Waits until the client of a new connection has shown what it speaks, then serves it or gives it
// to gRPC. `state` must outlive it. Returns at once; must run on the socket's strand.
void welcome(boost::asio::ip::tcp::socket socket, RestState* state);

}  // namespace pollbus::broker
