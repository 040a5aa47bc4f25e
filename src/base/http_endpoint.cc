#include "base/http_endpoint.h"

#include <fmt/format.h>
#include <httplib.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>
#include <vector>

namespace pollbus {
namespace {

// Probes and scrapes only: two at once are served, a few more wait.
constexpr std::size_t kHttpThreads = 2;
constexpr int kHttpOk = 200;
constexpr int kHttpUnavailable = 503;

}  // namespace

struct HttpEndpoint::Server {
  httplib::Server http;
  std::thread thread;
  std::atomic<bool> ended = false;
  int port = 0;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server) : server_(std::move(server)) {}

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::start(
    const std::string& host, int port, const Readiness& readiness,
    const prometheus::Registry& metrics, const prometheus::Collectable* more) {
  auto server = std::make_unique<Server>();
  // The library would share a port that another process of this user holds.
  server->http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  // An idle connection would keep one of the threads from everybody else.
  server->http.set_keep_alive_max_count(1);
  server->http.new_task_queue = [] { return new httplib::ThreadPool(kHttpThreads); };
  server->http.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("ok\n", "text/plain");
  });
  server->http.Get("/readyz", [&readiness](const httplib::Request&, httplib::Response& response) {
    response.status = readiness.all_ready() ? kHttpOk : kHttpUnavailable;
    response.set_content(readiness.json() + "\n", "application/json");
  });
  server->http.Get("/metrics",
                   [&metrics, more](const httplib::Request&, httplib::Response& response) {
                     std::vector<prometheus::MetricFamily> families = metrics.Collect();
                     if (more != nullptr)
                       std::ranges::move(more->Collect(), std::back_inserter(families));
                     response.set_content(prometheus::TextSerializer().Serialize(families),
                                          "text/plain; version=0.0.4; charset=utf-8");
                   });
  if (port == 0) {
    server->port = server->http.bind_to_any_port(host);
  } else {
    server->port = server->http.bind_to_port(host, port) ? port : -1;
  }
  if (server->port <= 0) {
    return absl::UnavailableError(fmt::format("HTTP endpoint: cannot listen on {}:{}", host, port));
  }
  Server* raw = server.get();
  raw->thread = std::thread([raw] {
    raw->http.listen_after_bind();
    raw->ended = true;
  });
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(server)));
}

HttpEndpoint::~HttpEndpoint() {
  // stop() before the thread has come to listen would be lost.
  while (!server_->http.is_running() && !server_->ended) std::this_thread::yield();
  server_->http.stop();
  server_->thread.join();
}

int HttpEndpoint::port() const { return server_->port; }

}  // namespace pollbus
