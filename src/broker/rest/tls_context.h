#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/rest/rest_server.h"

namespace pollbus::broker {

// Sets up TLS 1.2 and 1.3 for HTTP/1.1. INVALID_ARGUMENT when OpenSSL refuses a certificate or the
// key.
absl::Status set_up(const RestTls& files, boost::asio::ssl::context* context);

// The common names of the client's certificate; none if it has sent none.
std::vector<std::string> common_names_of_client(SSL* connection);

}  // namespace pollbus::broker
