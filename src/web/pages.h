#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/http_request.h"
#include "base/http_response.h"
#include "web/asset.h"
#include "web/page_headers.h"

namespace pollbus::web {

// Serves embedded files. Thread-safe.
class Pages {
 public:
  Pages(const std::vector<std::span<const Asset>>& folders, Caching caching);

  // The file at the request's path with all its headers; nothing if there is none. "/" is
  // "/index.html".
  std::optional<HttpResponse> find(const HttpRequest& request) const;

 private:
  std::map<std::string_view, const Asset*> assets_;
  const Caching caching_;
};

// The Content-Type for the ending of a file name.
std::string content_type_of(std::string_view path);

// Text for HTML content and for quoted attributes.
std::string escape_html(std::string_view text);

}  // namespace pollbus::web
