#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "broker/service/push_endpoint.h"

namespace pollbus::broker {

// A host that may be pushed to, as an operator names it: "host", "host:port" or "[address]:port".
struct PushTarget {
  // std::nullopt when `text` has another form.
  static std::optional<PushTarget> parse(std::string_view text);

  std::string host;  // lower case; an IPv6 address without its brackets
  int port = 0;      // 0: every port
};

// Decides which addresses the broker may post messages to. Any client can create a push
// subscription; without these rules it could make the broker post votes anywhere, or reach services
// that only this machine can reach.
// - Push is off unless is_enabled.
// - With targets, only these hosts are allowed, whatever their addresses are.
// - Without targets, every host is allowed whose address is not loopback, link-local (there cloud
//   machines find their credentials), unspecified or multicast.
struct PushPolicy {
  // FAILED_PRECONDITION when push is off, PERMISSION_DENIED for a host that is not allowed.
  absl::Status check(const PushEndpoint& endpoint) const;
  // Must also be asked with the address that a host's name has led to.
  bool allows_address(const PushEndpoint& endpoint, const sockaddr& address) const;

  bool is_enabled = false;
  std::vector<PushTarget> targets;
  // A PEM file with the authorities that may have signed the certificate of an https endpoint.
  // Empty: those that the system trusts.
  std::string authorities;

 private:
  bool is_target(const PushEndpoint& endpoint) const;
};

}  // namespace pollbus::broker
