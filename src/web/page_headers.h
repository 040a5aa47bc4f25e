#pragma once

#include "base/http_request.h"
#include "base/http_response.h"

namespace pollbus::web {

// What a browser may keep of a response.
enum class Caching {
  kNothing,     // no-store: for everything that a kiosk shows
  kRevalidate,  // no-cache: it may be kept, and is asked for again with its ETag
};

// Adds the headers that every page and file of Pollbus has: a Content-Security-Policy that allows
// nothing but files of the same server, no sniffing of types, no frames, no referrer, and the
// caching. Forms may be sent to the same server. Pure function.
void add_page_headers(HttpResponse& response, Caching caching);

// Adds an inline script to what the policy of the response allows: `hash` is "sha256-" and the
// base64 of its SHA-256 (https://www.w3.org/TR/CSP3/#grammardef-hash-source).
void allow_inline_script(HttpResponse& response, std::string_view hash);

// Adds the ETag, and turns the response into 304 if the browser has this version already. `etag`
// includes its quotes.
void add_etag(const HttpRequest& request, HttpResponse& response, std::string_view etag);

}  // namespace pollbus::web
