#pragma once

#include "base/http_request.h"
#include "base/http_response.h"
#include "broker/rest/rest_server.h"
#include "broker/service/broker.h"
#include "web/pages.h"
#include "web/request_check.h"

namespace pollbus::broker {

// The page for developers, below /ui/: its files, and as JSON what REST does not tell. The page
// does everything else by REST. Nothing here changes anything. Thread-safe.
//
//   GET /ui/data/projects          {"projects":["p", …]}
//   GET /ui/data/backlogs/<name>   {"subscriptions":[{"name":…, "backlog":…, …}]} of the project
//                                  projects/<p>, or of one subscription
//   GET /ui/data/peek/<name>       {"messages":[…]}: the oldest unacked messages of a subscription
class DeveloperPage {
 public:
  static constexpr std::size_t kMaxPeekedMessages = 50;
  // Of the data of a message. Of longer data, this is the beginning.
  static constexpr std::size_t kMaxShownBytes = 64 << 10;
  static constexpr std::size_t kMaxProjects = 1'000;
  static constexpr std::size_t kMaxBacklogs = 10'000;

  // Borrows `broker`. `port` is the one that browsers connect to.
  DeveloperPage(Broker& broker, int port);

  // What the server of REST needs. Borrows this.
  RestPages pages() const;
  HttpResponse respond(const HttpRequest& request) const;

 private:
  HttpResponse projects() const;
  HttpResponse backlogs(const std::string& name) const;
  HttpResponse peek(const std::string& subscription) const;

  Broker& broker_;
  const web::Pages files_;
  const std::vector<std::string> hosts_;
  const web::RequestCheck check_;
};

}  // namespace pollbus::broker
