#include "web/pages.h"

#include <array>
#include <utility>

namespace pollbus::web {

Pages::Pages(const std::vector<std::span<const Asset>>& folders, Caching caching)
    : caching_(caching) {
  for (const auto& folder : folders) {
    for (const Asset& asset : folder) assets_.emplace(asset.path, &asset);
  }
}

std::optional<HttpResponse> Pages::find(const HttpRequest& request) const {
  const auto found = assets_.find(request.path == "/" ? "/index.html" : request.path);
  if (found == assets_.end()) return std::nullopt;
  HttpResponse response{.content_type = content_type_of(found->first),
                        .body = std::string(found->second->body)};
  add_page_headers(response, caching_);
  if (caching_ == Caching::kRevalidate) add_etag(request, response, found->second->etag);
  return response;
}

std::string content_type_of(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return std::string(type);
  }
  return "application/octet-stream";
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace pollbus::web
