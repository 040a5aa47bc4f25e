#include "web/page_headers.h"

#include <string>
#include <string_view>

namespace pollbus::web {
namespace {

constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

// If-None-Match is a list of tags, or "*"; a weak tag matches too (RFC 9110, 13.1.2).
bool matches(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    std::string_view each = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), each.size() + 1));
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    if (each.starts_with("W/")) each.remove_prefix(2);
    if (each == etag || each == "*") return true;
  }
  return false;
}

}  // namespace

void add_page_headers(HttpResponse& response, Caching caching) {
  const auto add = [&](const char* name, const char* value) {
    response.headers.emplace_back(name, value);
  };
  add("Content-Security-Policy", kPolicy);
  add("Cache-Control", caching == Caching::kNothing ? "no-store" : "no-cache");
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

void allow_inline_script(HttpResponse& response, std::string_view hash) {
  constexpr std::string_view kScripts = "script-src 'self'";
  for (auto& [name, value] : response.headers) {
    if (name != "Content-Security-Policy") continue;
    const std::size_t at = value.find(kScripts) + kScripts.size();
    value.insert(at, " '" + std::string(hash) + "'");
  }
}

void add_etag(const HttpRequest& request, HttpResponse& response, std::string_view etag) {
  response.headers.emplace_back("ETag", std::string(etag));
  if (response.status == 200 && matches(request.header("if-none-match"), etag)) {
    response.status = 304;
    response.body.clear();
  }
}

}  // namespace pollbus::web
