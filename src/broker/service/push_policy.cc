#include "broker/service/push_policy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/text.h"

namespace pollbus::broker {
namespace {

bool is_reserved(const in_addr& address) {
  const std::uint32_t bits = ntohl(address.s_addr);
  const std::uint32_t first = bits >> 24;
  return first == 0 || first == 127 || bits >> 16 == 0xa9fe || first >= 224;
}

bool is_reserved(const in6_addr& address) {
  in_addr v4{};
  if (IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address)) {
    std::memcpy(&v4, &address.s6_addr[12], sizeof(v4));
    return is_reserved(v4);
  }
  return IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address) ||
         IN6_IS_ADDR_LINKLOCAL(&address) || IN6_IS_ADDR_MULTICAST(&address);
}

// Whether a host that is written as an address, or that always means this machine, is reserved.
bool is_reserved_host(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return is_reserved(v4);
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &v6) == 1) return is_reserved(v6);
  return host == "localhost" || absl::EndsWith(host, ".localhost");
}

}  // namespace

std::optional<PushTarget> PushTarget::parse(std::string_view text) {
  PushTarget target;
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  if (host.empty() || host.size() > kMaxPushHostBytes) return std::nullopt;
  if (host.find_first_of("/@ []") != std::string_view::npos) return std::nullopt;
  target.host = absl::AsciiStrToLower({host.data(), host.size()});
  if (port.empty()) return target;
  if (!port.starts_with(':')) return std::nullopt;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), target.port);
  const bool is_whole = error == std::errc() && end == port.data() + port.size();
  if (!is_whole || target.port < 1 || target.port > kMaxPort) return std::nullopt;
  return target;
}

absl::Status PushPolicy::check(const PushEndpoint& endpoint) const {
  if (!is_enabled) {
    return absl::FailedPreconditionError(
        "Push delivery is off. Start pubsub-broker with --enable-push to allow push endpoints.");
  }
  if (targets.empty() ? !is_reserved_host(endpoint.host) : is_target(endpoint)) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      fmt::format("pubsub-broker may not push to {0}. Start it with --push-target {0} to allow it.",
                  endpoint.host));
}

bool PushPolicy::allows_address(const PushEndpoint& endpoint, const sockaddr& address) const {
  if (!targets.empty()) return is_target(endpoint);
  if (address.sa_family == AF_INET) {
    return !is_reserved(reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  }
  return address.sa_family == AF_INET6 &&
         !is_reserved(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

bool PushPolicy::is_target(const PushEndpoint& endpoint) const {
  return std::ranges::any_of(targets, [&](const PushTarget& target) {
    return target.host == endpoint.host && (target.port == 0 || target.port == endpoint.port);
  });
}

}  // namespace pollbus::broker
