#include "web/request_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace pollbus::web {
namespace {

bool is_same_origin(std::string_view origin, std::string_view host) {
  return origin == fmt::format("http://{}", host) || origin == fmt::format("https://{}", host);
}

// A link or an address that a person follows may lead here from anywhere.
bool is_foreign(const HttpRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (site.empty() || site == "same-origin" || site == "none") return false;
  return request.method == "POST" || request.header("sec-fetch-mode") != "navigate";
}

}  // namespace

int RequestCheck::refusal(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  if (!hosts_.empty() && std::ranges::find(hosts_, host) == hosts_.end()) return 421;
  if (is_foreign(request)) return 403;
  if (request.method != "POST") return 0;
  if (!is_same_origin(request.header("origin"), host)) return 403;
  const std::string_view type = request.header("content-type");
  return type.substr(0, type.find(';')) == "application/json" ? 0 : 415;
}

std::vector<std::string> loopback_hosts(int port) {
  return {fmt::format("127.0.0.1:{}", port), fmt::format("localhost:{}", port),
          fmt::format("[::1]:{}", port)};
}

}  // namespace pollbus::web
