#pragma once

#include <prometheus/registry.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/readiness.h"

namespace pollbus {

// Serves /healthz (200 while the process answers), /readyz (200 or 503, with the reasons as JSON)
// and /metrics (Prometheus text format) over HTTP until it is destroyed. Borrows its arguments.
class HttpEndpoint {
 public:
  // /metrics also shows what `more` (unless nullptr) collects. Port 0 chooses a free port.
  // UNAVAILABLE, with the reason, if the address cannot be used.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> start(
      const std::string& host, int port, const Readiness& readiness,
      const prometheus::Registry& metrics, const prometheus::Collectable* more = nullptr);
  ~HttpEndpoint();
  int port() const;

 private:
  struct Server;
  explicit HttpEndpoint(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace pollbus
