#include "voting_machine/kiosk_server.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "voting_machine/kiosk_pages.h"

namespace pollbus::voting_machine {
namespace {

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;

// Of the script in index.html, which must be there even if no other file is. tests/browser checks
// it.
constexpr char kScriptHash[] = "sha256-1VB8Coq4TCDDAF5LmKWLJH1fIeW+3YT3X/Hx5Xc1VGc=";

bool is_loopback(const std::string& host) {
  return host == "127.0.0.1" || host == "::1" || host == "localhost";
}

HttpResponse json_response(std::string body) {
  HttpResponse response{.content_type = "application/json", .body = std::move(body)};
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

HttpResponse refuse(int status) {
  HttpResponse response = http_error(status);
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

}  // namespace

web::Languages kiosk_texts() {
  return web::Languages({web::shared_languages(), web::kiosk_languages()});
}

absl::StatusOr<std::unique_ptr<KioskServer>> KioskServer::start(const std::string& host, int port,
                                                                Kiosk& kiosk,
                                                                const web::Languages& languages) {
  if (!is_loopback(host)) {
    return absl::InvalidArgumentError(
        "--kiosk: the page must stay on this machine: expected 127.0.0.1, [::1] or localhost");
  }
  std::unique_ptr<KioskServer> page(new KioskServer(kiosk, languages, port));
  auto server = HttpServer::start(
      host, port, [&page = *page](const HttpRequest& request) { return page.respond(request); },
      {.max_connections = 64, .max_body_bytes = kMaxActBytes});
  if (!server.ok()) return server.status();
  page->server_ = *std::move(server);
  return page;
}

KioskServer::KioskServer(Kiosk& kiosk, const web::Languages& languages, int port)
    : kiosk_(kiosk),
      languages_(languages),
      pages_({web::shared_pages(), web::kiosk_pages()}, web::Caching::kNothing),
      check_(web::loopback_hosts(port)) {}

HttpResponse KioskServer::respond(const HttpRequest& request) const {
  if (const int status = check_.refusal(request)) return refuse(status);
  if (request.method == "POST") return request.path == "/act" ? act(request) : refuse(kNotFound);
  if (request.path == "/state") return json_response(kiosk_.state());
  constexpr std::string_view kFolder = "/languages/";
  if (request.path.starts_with(kFolder) && request.path.ends_with(".json")) {
    const auto tag = request.path.substr(kFolder.size(), request.path.rfind('.') - kFolder.size());
    return languages_.has(tag) ? json_response(languages_.json(tag)) : refuse(kNotFound);
  }
  auto page = pages_.find(request);
  if (!page) return refuse(kNotFound);
  if (page->content_type.starts_with("text/html")) web::allow_inline_script(*page, kScriptHash);
  return *std::move(page);
}

HttpResponse KioskServer::act(const HttpRequest& request) const {
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(kBadRequest);
  return json_response(kiosk_.act(body));
}

}  // namespace pollbus::voting_machine
