#include "base/http_endpoint.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/http_server.h"

namespace pollbus {
namespace {

constexpr int kHttpNotFound = 404;
constexpr int kHttpUnavailable = 503;

prometheus::MetricFamily ready_metric(bool is_ready) {
  prometheus::ClientMetric metric;
  metric.gauge.value = is_ready ? 1 : 0;
  return {.name = "pollbus_ready",
          .help = "1 while /readyz answers 200",
          .type = prometheus::MetricType::Gauge,
          .metric = {metric}};
}

}  // namespace

struct HttpEndpoint::Server {
  std::unique_ptr<HttpServer> http;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server) : server_(std::move(server)) {}
HttpEndpoint::~HttpEndpoint() = default;

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::start(
    const std::string& host, int port, const Readiness& readiness,
    const prometheus::Registry& metrics, const prometheus::Collectable* more) {
  const auto handler = [&readiness, &metrics, more](const HttpRequest& request) -> HttpResponse {
    const std::string_view path = request.path;
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/readyz") {
      return {.status = readiness.all_ready() ? 200 : kHttpUnavailable,
              .content_type = "application/json",
              .body = readiness.json() + "\n"};
    }
    if (path == "/metrics") {
      std::vector<prometheus::MetricFamily> families = metrics.Collect();
      if (more != nullptr) std::ranges::move(more->Collect(), std::back_inserter(families));
      families.push_back(ready_metric(readiness.all_ready()));
      return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = prometheus::TextSerializer().Serialize(families)};
    }
    return {.status = kHttpNotFound, .body = "not found\n"};
  };
  auto http = HttpServer::start(host, port, handler);
  if (!http.ok()) return http.status();
  return std::unique_ptr<HttpEndpoint>(
      new HttpEndpoint(std::make_unique<Server>(Server{*std::move(http)})));
}

int HttpEndpoint::port() const { return server_->http->port(); }

}  // namespace pollbus
