#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "broker/rest/rest_state.h"

namespace pollbus::broker {

// Serves REST with JSON on a connection whose client speaks HTTP/1.1, over TLS if the server has
// it, until it ends. `state` must outlive it. Returns at once; must run on the socket's strand.
void serve_rest(boost::asio::ip::tcp::socket socket, RestState* state);

}  // namespace pollbus::broker
