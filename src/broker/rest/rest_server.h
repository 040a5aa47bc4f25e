#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <prometheus/registry.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/http_request.h"
#include "base/http_response.h"

namespace pollbus::broker {

// Limits of one request and of all of them.
constexpr std::size_t kMaxRestHeaderBytes = 64 << 10;
constexpr std::size_t kMaxRestBodyBytes = 20 << 20;
// Requests and responses that are held at a time. Beyond it, requests get RESOURCE_EXHAUSTED.
constexpr std::size_t kMaxRestMemory = 128 << 20;

// In PEM form.
struct RestTls {
  std::string certificate;
  std::string key;
  std::string client_ca;  // empty: clients need no certificate
};

// How long a client may take. Then its connection is closed without an answer.
struct RestTimeouts {
  // To show what it speaks, for the handshake of TLS, and for all headers of a request.
  std::chrono::milliseconds headers = std::chrono::seconds(20);
  // For the whole body of a request.
  std::chrono::milliseconds body = std::chrono::seconds(60);
  // To take the whole answer.
  std::chrono::milliseconds answer = std::chrono::seconds(60);
  // Until its next request.
  std::chrono::milliseconds idle = std::chrono::minutes(5);
};

// Pages that are served beside REST.
struct RestPages {
  std::string folder;  // the path of each of them begins with this: "/ui"
  // Called on any thread of the server.
  std::function<HttpResponse(const HttpRequest&)> respond;
  // The only Host headers that are served, also to clients of REST: a web page could otherwise
  // reach this server under a name of its own (DNS rebinding).
  std::vector<std::string> hosts;
};

struct RestOptions {
  std::vector<std::string> services;  // whose methods are served
  std::optional<RestTls> tls;
  RestTimeouts timeouts;
  std::size_t max_memory = kMaxRestMemory;
};

// Sorts connections by the first bytes that their clients send: HTTP/2 goes to gRPC, HTTP/1.1 is
// served here, as REST with JSON (Transcoder). With TLS, a client of gRPC is one that offers "h2"
// and not "http/1.1" (RFC 7301). Calls the methods over a channel. Thread-safe.
class RestServer {
 public:
  // Adds to a call for whom it is made: the common names of the client's certificate.
  using Identify = std::function<void(std::span<const std::string>, grpc::ClientContext*)>;
  // Gets the descriptor of a connection for gRPC, of which nothing has been read.
  using ToGrpc = std::function<void(int descriptor)>;

  // INVALID_ARGUMENT when OpenSSL refuses a certificate or a key.
  static absl::StatusOr<std::unique_ptr<RestServer>> create(const RestOptions& options,
                                                            prometheus::Registry& metrics);
  ~RestServer();

  void start(std::shared_ptr<grpc::Channel> channel, Identify identify, ToGrpc to_grpc,
             std::optional<RestPages> pages = std::nullopt);
  // Takes over a connection that was accepted.
  void accept(int descriptor);

  // Closes each connection after its current request, and waits for these, but not longer.
  void drain(std::chrono::milliseconds longest);
  // Ends everything. The calls on the channel must end too, because their server has shut down.
  void stop();

 private:
  struct Parts;
  explicit RestServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace pollbus::broker
