#pragma once

#include <prometheus/counter.h>

namespace pollbus::broker {

// Lets an Http2Inspector see what clients send on this connection, until it ends. When the
// inspector finds an attack, the connection fails for gRPC as if the client had reset it, and
// `closed` counts it. Must be called before gRPC gets the descriptor, and only for connections
// without TLS.
//
// Debian's gRPC (1.51) has no limits for resets and headers of a stream, and no place where a
// server sees frames. It reads its sockets with recvmsg() only, so this program defines that
// function: it makes the system call and looks at the bytes. Other sockets are not affected.
// Thread-safe.
void guard_connection(int descriptor, prometheus::Counter& closed);

// While it exists, every connection on which this process is the server of HTTP/2 over TLS is
// guarded in the same way: this program also defines SSL_read(), with which gRPC decrypts what it
// has read. If a process has more than one such object, the last one counts. Thread-safe.
class TlsGuard {
 public:
  explicit TlsGuard(prometheus::Counter& closed);
  ~TlsGuard();
  TlsGuard(const TlsGuard&) = delete;
  TlsGuard& operator=(const TlsGuard&) = delete;

 private:
  prometheus::Counter& closed_;
};

}  // namespace pollbus::broker
