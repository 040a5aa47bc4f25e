#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/http_server.h"
#include "voting_machine/kiosk.h"
#include "web/languages.h"
#include "web/pages.h"
#include "web/request_check.h"

namespace pollbus::voting_machine {

// The texts of the kiosk and of all pages.
web::Languages kiosk_texts();

// Serves the kiosk's page on a loopback address: the files of pages/, GET /languages/<tag>.json,
// GET /state and POST /act (docs/kiosk.md). Nothing may be cached, other web sites are refused, and
// a request has at most kMaxActBytes. Borrows kiosk and languages.
class KioskServer {
 public:
  static constexpr std::size_t kMaxActBytes = 4096;

  // INVALID_ARGUMENT for an address that is not a loopback address; UNAVAILABLE if it cannot be
  // used.
  static absl::StatusOr<std::unique_ptr<KioskServer>> start(const std::string& host, int port,
                                                            Kiosk& kiosk,
                                                            const web::Languages& languages);
  int port() const { return server_->port(); }

 private:
  KioskServer(Kiosk& kiosk, const web::Languages& languages, int port);
  HttpResponse respond(const HttpRequest& request) const;
  HttpResponse act(const HttpRequest& request) const;

  Kiosk& kiosk_;
  const web::Languages& languages_;
  const web::Pages pages_;
  const web::RequestCheck check_;
  std::unique_ptr<HttpServer> server_;  // last: it calls respond()
};

}  // namespace pollbus::voting_machine
