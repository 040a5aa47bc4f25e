#pragma once

#include <prometheus/registry.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/readiness.h"

namespace pollbus {

// Serves GET /healthz (200 while the process answers), /readyz (200 or 503, with the reasons as
// JSON) and /metrics (Prometheus text format) until destroyed. Borrows its arguments.
class HttpEndpoint {
 public:
  // /metrics has what `more` (unless nullptr) collects too. Port 0 takes a free one. UNAVAILABLE
  // when the address cannot be bound.
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
