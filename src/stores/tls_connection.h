#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "stores/voter_register.h"

namespace pollbus {

// TLS on a connected, blocking socket, which is borrowed. The version of hiredis in Debian 12 has
// no TLS of its own. Not thread-safe. https://docs.openssl.org/3.0/man7/ssl/
class TlsConnection {
 public:
  // Connects as a client to the server `host` (a name or an address), whose certificate must be
  // valid for it. UNAVAILABLE if the server or a file does not permit that; the reason is in the
  // message.
  static absl::StatusOr<std::unique_ptr<TlsConnection>> connect(int socket, const RedisTls& tls,
                                                                const std::string& host);
  virtual ~TlsConnection() = default;

  // Both transfer at least one byte and return how many. UNAVAILABLE if the connection is broken;
  // DEADLINE_EXCEEDED after the socket's timeout.
  virtual absl::StatusOr<std::size_t> read(char* to, std::size_t size) = 0;
  virtual absl::StatusOr<std::size_t> write(const char* from, std::size_t size) = 0;
};

}  // namespace pollbus
