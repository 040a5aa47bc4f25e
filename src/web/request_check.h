#pragma once

#include <string>
#include <vector>

#include "base/http_request.h"

namespace pollbus::web {

// Tells requests of the server's own pages from those that another web site makes through the
// browser (cross-site requests, DNS rebinding). Thread-safe.
class RequestCheck {
 public:
  // `hosts` are the values that the Host header may have, like "127.0.0.1:8090"; none: any.
  explicit RequestCheck(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {}

  // The status to refuse the request with, or 0: 421 for another Host; 403 for a request from a
  // page of another site, and for a POST whose Origin is not this server; 415 for a POST that is
  // not JSON, because forms of other sites can send all other types without being asked.
  int refusal(const HttpRequest& request) const;

 private:
  const std::vector<std::string> hosts_;
};

// The names under which a browser on this machine can reach a port.
std::vector<std::string> loopback_hosts(int port);

}  // namespace pollbus::web
