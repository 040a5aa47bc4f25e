#include "broker/rest/session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cerrno>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "broker/rest/request_rules.h"
#include "broker/rest/tls_context.h"

namespace pollbus::broker {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Tcp = net::ip::tcp;
using Plain = beast::tcp_stream;
using Encrypted = beast::ssl_stream<beast::tcp_stream>;

// A call ends long before. A pull waits for 10 s.
constexpr std::chrono::seconds kCallTimeout{60};
// What is read of a connection and not yet part of a request.
constexpr std::size_t kMaxBufferBytes = kMaxRestHeaderBytes + (64 << 10);
constexpr std::size_t kReadBytes = 4 << 10;
// The chunks of a body may take this many times the bytes of their contents, and this much more.
constexpr std::size_t kMaxChunkOverhead = 8;
constexpr std::size_t kFreeChunkOverhead = 64 << 10;

constexpr std::string_view kJson = "application/json; charset=UTF-8";
constexpr std::string_view kText = "text/plain; charset=UTF-8";

const char* reason_of(unsigned status) {
  return http::obsolete_reason(static_cast<http::status>(status)).data();
}

// A request, from the call of gRPC until its answer has been written.
struct Exchange {
  explicit Exchange(RestState* its_state) : state(*its_state), memory(&its_state->memory) {
    state.exchanges.enter();
  }
  ~Exchange() { state.exchanges.leave(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  RestState& state;
  MemoryShare memory;  // of the request, and of the answer if that is larger
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string path;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
};

std::string to_string(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  text.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

// Whether a line of these headers begins with a blank, so that it continues the line before
// (RFC 9112, 5.2). A proxy could read it as a header of its own.
bool has_folded_line(std::string_view headers) {
  return headers.find("\r\n ") != std::string_view::npos ||
         headers.find("\r\n\t") != std::string_view::npos;
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

absl::StatusCode code_of(unsigned http_status) {
  switch (http_status) {
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 501:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

// Its handlers run one at a time, on the stream's strand, and keep it alive.
template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, RestState* state)
      : stream_(std::move(stream)), state_(*state), memory_(&state->memory) {}

  void start() {
    if constexpr (std::is_same_v<Stream, Encrypted>) {
      socket().expires_after(state_.timeouts.headers);
      stream_.async_handshake(
          net::ssl::stream_base::server, [self = this->shared_from_this()](error_code error) {
            if (error) return;
            self->names_ = common_names_of_client(self->stream_.native_handle());
            self->await_request();
          });
    } else {
      await_request();
    }
  }

 private:
  beast::tcp_stream& socket() { return beast::get_lowest_layer(stream_); }

  void await_request() {
    request_ = {};
    memory_.clear();
    if (buffer_.size() > 0) return read_headers();
    // An idle connection must not keep the memory of its largest request.
    if (buffer_.capacity() > kReadBytes) buffer_.shrink_to_fit();
    socket().expires_after(state_.timeouts.idle);
    stream_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read_headers();
                            });
  }

  void read_headers() {
    parser_.emplace();
    parser_->header_limit(kMaxRestHeaderBytes);
    parser_->body_limit(kMaxRestBodyBytes);
    body_bytes_read_ = 0;
    socket().expires_after(state_.timeouts.headers);
    parse_headers();
  }

  void parse_headers() {
    error_code error;
    const net::const_buffer bytes = buffer_.data();
    const std::size_t used = parser_->put(bytes, error);
    const bool is_folded = has_folded_line({static_cast<const char*>(bytes.data()), used});
    buffer_.consume(used);
    if (error == http::error::need_more) return read_more_headers();
    if (error) return refuse(error);
    if (is_folded) return refuse({400, "A header must be on one line."});
    check_headers();
  }

  void read_more_headers() {
    stream_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                              if (error == net::error::eof) error = http::error::partial_message;
                              if (error) return self->refuse(error);
                              self->buffer_.commit(bytes);
                              self->parse_headers();
                            });
  }

  void check_headers() {
    const RequestProblem problem = problem_of(parser_->get());
    if (problem.status != 0) return refuse(problem);
    if (!is_expected_host(view(parser_->get()[http::field::host]))) {
      return refuse({421, "The Host header must name this machine: localhost or 127.0.0.1."});
    }
    socket().expires_after(state_.timeouts.body);
    if (parser_->get().count(http::field::expect) == 0 || parser_->is_done()) return read_body();
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    net::async_write(stream_, net::buffer(kContinue.data(), kContinue.size()),
                     [self = this->shared_from_this()](error_code error, std::size_t) {
                       error ? self->close() : self->read_body();
                     });
  }

  void read_body() {
    const std::size_t body = parser_->get().body().size();
    if (!memory_.grow_to(body)) {
      return refuse({429, "The requests of all clients take too much memory."});
    }
    if (body_bytes_read_ > body * kMaxChunkOverhead + kFreeChunkOverhead) {
      return refuse({400, "The chunks of the body are too small."});
    }
    if (parser_->is_done()) return handle();
    http::async_read_some(stream_, buffer_, *parser_,
                          [self = this->shared_from_this()](error_code error, std::size_t bytes) {
                            self->body_bytes_read_ += bytes;
                            error ? self->refuse(error) : self->read_body();
                          });
  }

  void handle() {
    // HTTP/1.0 is served without its keep-alive.
    keeps_alive_ = parser_->keep_alive() && parser_->get().version() == 11 && !state_.is_draining;
    request_ = parser_->release();
    parser_.reset();
    state_.requests.Increment();
    const std::string_view method = view(request_.method_string());
    const std::string_view target = view(request_.target());
    if (target == "/" && (method == "GET" || method == "HEAD")) {
      // What Google's emulator answers, too.
      return answer(200, kText, "Ok\n", method == "HEAD");
    }
    if (state_.pages && target.starts_with(state_.pages->folder)) return show_page();
    auto call = state_.transcoder.request(method, target, request_.body());
    if (!call.ok()) return answer(call.status());
    request_.body() = {};
    memory_.clear();
    start_call(*call);
  }

  bool is_expected_host(std::string_view host) const {
    return !state_.pages ||
           std::ranges::find(state_.pages->hosts, host) != state_.pages->hosts.end();
  }

  void show_page() {
    const std::string_view target = view(request_.target());
    const std::size_t path_bytes = std::min(target.find('?'), target.size());
    HttpRequest request{.method = view(request_.method_string()),
                        .path = target.substr(0, path_bytes),
                        .query = target.substr(std::min(path_bytes + 1, target.size())),
                        .body = request_.body()};
    for (const auto& field : request_) {
      std::string name(view(field.name_string()));
      absl::AsciiStrToLower(&name);
      request.headers.emplace_back(std::move(name), view(field.value()));
    }
    HttpResponse response = state_.pages->respond(request);
    if (!memory_.grow_to(response.body.size())) {
      return answer(absl::StatusCode::kResourceExhausted,
                    "The responses to all clients take too much memory.");
    }
    std::string headers;
    for (const auto& [name, value] : response.headers) {
      headers += fmt::format("{}: {}\r\n", name, value);
    }
    send(static_cast<unsigned>(response.status), response.content_type, headers,
         std::move(response.body), request.method == "HEAD");
  }

  void start_call(const RestCall& call) {
    exchange_ = std::make_shared<Exchange>(&state_);
    Exchange& exchange = *exchange_;
    if (!exchange.memory.grow_to(call.request.size())) {
      return answer(absl::StatusCode::kResourceExhausted,
                    "The requests of all clients take too much memory.");
    }
    exchange.method = call.method;
    exchange.path = fmt::format("/{}/{}", call.method->service()->full_name(), call.method->name());
    const grpc::Slice slice(call.request);
    exchange.request = grpc::ByteBuffer(&slice, 1);
    exchange.context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    state_.identify(names_, &exchange.context);
    socket().expires_never();
    state_.calls.enter();
    state_.stub->UnaryCall(
        &exchange.context, exchange.path, {}, &exchange.request, &exchange.response,
        [self = this->shared_from_this(), exchange = exchange_](grpc::Status status) {
          RestState& state = self->state_;
          net::post(self->stream_.get_executor(),
                    [self, exchange, status = std::move(status)] { self->finish_call(status); });
          state.calls.leave();
        });
    if (exchange.method->full_name() == "google.pubsub.v1.Subscriber.Pull") watch();
  }

  // A pull whose client has gone must not take messages.
  void watch() {
    socket().socket().async_wait(
        Tcp::socket::wait_read,
        [self = this->shared_from_this(), exchange = std::weak_ptr(exchange_)](error_code error) {
          const auto running = exchange.lock();
          if (error || running == nullptr || running != self->exchange_) return;
          char next = 0;
          const ssize_t count =
              ::recv(self->socket().socket().native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
          // The event may be older than the request.
          if (count < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch();
          // TLS ends with an alert, which cannot be told from the next request.
          if (count <= 0 || std::is_same_v<Stream, Encrypted>) running->context.TryCancel();
        });
  }

  void finish_call(const grpc::Status& status) {
    error_code ignored;
    socket().socket().cancel(ignored);  // ends watch()
    exchange_->request.Clear();
    if (!status.ok()) {
      return answer(static_cast<absl::StatusCode>(status.error_code()), status.error_message(),
                    status.error_details());
    }
    auto json = Transcoder::response(*exchange_->method, to_string(exchange_->response));
    exchange_->response.Clear();
    if (!json.ok()) return answer(json.status());
    if (!exchange_->memory.grow_to(json->size())) {
      return answer(absl::StatusCode::kResourceExhausted,
                    "The responses to all clients take too much memory.");
    }
    answer(200, kJson, *std::move(json));
  }

  // --- Answers ---

  void refuse(const RequestProblem& problem) {
    state_.malformed.Increment();
    parser_.reset();
    memory_.clear();
    keeps_alive_ = false;
    answer(problem.status, kJson,
           error_body(code_of(problem.status), problem.text, /*details=*/""));
  }

  void refuse(error_code error) {
    if (error == http::error::end_of_stream) return close();
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return refuse({431, "The headers are too large."});
    }
    if (error == http::error::body_limit) return refuse({413, "The body is too large."});
    // A client that has gone or is too slow gets no answer.
    if (error.category() != make_error_code(http::error::bad_method).category()) return;
    refuse({400, "The request is not valid HTTP/1.1."});
  }

  void answer(absl::StatusCode code, std::string_view message, const std::string& details = "") {
    answer(static_cast<unsigned>(http_status_of(code)), kJson, error_body(code, message, details));
  }
  void answer(const absl::Status& status) { answer(status.code(), std::string(status.message())); }

  void answer(unsigned status, std::string_view type, std::string body, bool is_head = false) {
    static constexpr std::string_view kHeaders =
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    send(status, type, kHeaders, std::move(body), is_head);
  }

  // `headers` are further ones, each with the end of its line.
  void send(unsigned status, std::string_view type, std::string_view headers, std::string body,
            bool is_head) {
    head_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\r\n",
                        status, reason_of(status), type, body.size(), headers,
                        keeps_alive_ ? "" : "Connection: close\r\n");
    body_ = is_head ? "" : std::move(body);
    socket().expires_after(state_.timeouts.answer);
    const std::array parts{net::buffer(head_), net::buffer(body_)};
    net::async_write(stream_, parts,
                     [self = this->shared_from_this()](error_code error, std::size_t) {
                       self->exchange_.reset();
                       self->body_ = {};
                       error || !self->keeps_alive_ ? self->close() : self->await_request();
                     });
  }

  void close() {
    error_code ignored;
    socket().socket().shutdown(Tcp::socket::shutdown_send, ignored);
    socket().expires_after(state_.timeouts.headers);  // for all of linger()
    linger();
  }

  // Closing a connection at once could discard the answer together with what was not read.
  void linger() {
    if (lingered_bytes_ > kMaxRestBodyBytes) return;
    buffer_.clear();
    socket().async_read_some(buffer_.prepare(kReadBytes), [self = this->shared_from_this()](
                                                              error_code error, std::size_t bytes) {
      self->lingered_bytes_ += bytes;
      if (!error) self->linger();
    });
  }

  Stream stream_;
  RestState& state_;
  std::vector<std::string> names_;  // in the client's certificate
  beast::flat_buffer buffer_{kMaxBufferBytes};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::request<http::string_body> request_;
  MemoryShare memory_;  // of the request's body
  std::size_t body_bytes_read_ = 0;
  std::size_t lingered_bytes_ = 0;
  bool keeps_alive_ = false;
  std::shared_ptr<Exchange> exchange_;
  std::string head_;
  std::string body_;
};

}  // namespace

void serve_rest(Tcp::socket socket, RestState* state) {
  beast::tcp_stream stream(std::move(socket));
  if (state->tls) {
    std::make_shared<Session<Encrypted>>(Encrypted(std::move(stream), *state->tls), state)->start();
  } else {
    std::make_shared<Session<Plain>>(std::move(stream), state)->start();
  }
}

}  // namespace pollbus::broker
