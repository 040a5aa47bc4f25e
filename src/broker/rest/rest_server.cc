#include "broker/rest/rest_server.h"

#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/strings/match.h"
#include "base/metrics.h"
#include "broker/rest/connection_sorter.h"
#include "broker/rest/transcoder.h"

namespace pollbus::broker {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Tcp = net::ip::tcp;
using Plain = beast::tcp_stream;
using Encrypted = beast::ssl_stream<beast::tcp_stream>;

constexpr std::size_t kMaxThreads = 4;
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

// Memory that all connections share. Thread-safe.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(static_cast<std::int64_t>(bytes)) {}
  bool take(std::size_t bytes) {
    const auto wanted = static_cast<std::int64_t>(bytes);
    if (left_.fetch_sub(wanted) >= wanted) return true;
    left_.fetch_add(wanted);
    return false;
  }
  void give_back(std::size_t bytes) { left_.fetch_add(static_cast<std::int64_t>(bytes)); }

 private:
  std::atomic<std::int64_t> left_;
};

// A part of the budget. Gives it back at the end.
class Share {
 public:
  explicit Share(Budget* budget) : budget_(*budget) {}
  ~Share() { clear(); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  bool grow_to(std::size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_.take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  void clear() { budget_.give_back(std::exchange(bytes_, 0)); }

 private:
  Budget& budget_;
  std::size_t bytes_ = 0;
};

// Counts what is going on, and waits for its end. Thread-safe.
class Tally {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }
  void wait_for(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, longest, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

// What all connections share.
struct Shared {
  Shared(const RestOptions& options, prometheus::Registry& metrics)
      : timeouts(options.timeouts),
        transcoder(options.services),
        sorter(options.tls.has_value()),
        requests(counter(metrics, "broker_rest_requests_total", "Requests of REST")),
        malformed(counter(metrics, "broker_malformed_http_requests_total",
                          "Requests of REST that are not valid HTTP, and whose connections were "
                          "closed")) {}

  const RestTimeouts timeouts;
  std::optional<net::ssl::context> tls;
  const Transcoder transcoder;
  const ConnectionSorter sorter;
  Budget memory{kMaxRestMemory};
  Tally calls;      // of gRPC
  Tally exchanges;  // requests that are not answered yet
  std::atomic<bool> is_draining = false;
  std::unique_ptr<grpc::GenericStub> stub;
  RestServer::Identify identify;
  RestServer::ToGrpc to_grpc;
  prometheus::Counter& requests;
  prometheus::Counter& malformed;
  net::io_context io;  // last: the connections in it use all of the above
};

// A request, from the call of gRPC until its answer has been written.
struct Exchange {
  explicit Exchange(Shared* its_shared) : shared(*its_shared), memory(&its_shared->memory) {
    shared.exchanges.enter();
  }
  ~Exchange() { shared.exchanges.leave(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Shared& shared;
  Share memory;  // of the answer
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

std::vector<std::string> common_names_of(SSL* ssl) {
  std::vector<std::string> names;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl),
                                                                &X509_free);
  if (certificate == nullptr) return names;
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size < 0) continue;
    names.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  return names;
}

using Fields = http::fields;

// The host of a header Origin, like "https://host:port".
std::string_view host_of_origin(std::string_view origin) {
  const std::size_t slashes = origin.find("//");
  return slashes == std::string_view::npos ? "" : origin.substr(slashes + 2);
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_decimal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// RFC 9110, 7.2. Several hosts in one header could be read in several ways.
bool is_host(std::string_view text) {
  return text.find_first_of(" \t,/@?#\\") == std::string_view::npos;
}

// Whether a line of these headers begins with a blank, so that it continues the line before
// (RFC 9112, 5.2). A proxy could read it as a header of its own.
bool has_folded_line(std::string_view headers) {
  return headers.find("\r\n ") != std::string_view::npos ||
         headers.find("\r\n\t") != std::string_view::npos;
}

// What is wrong with the headers of a request that the parser has accepted. `status` 0: nothing.
struct Problem {
  unsigned status = 0;
  const char* text = "";
};

// A request must have one meaning for everyone who reads it, this server and a proxy before it
// (RFC 9112, 6.3 and 11.2).
template <typename Request>
Problem problem_of(const Request& request) {
  const auto hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() == 11)) {
    return {400, "A request must have one Host header."};
  }
  if (!is_host(view(request[http::field::host]))) return {400, "The Host header is not valid."};
  const auto encodings = request.count(http::field::transfer_encoding);
  const auto lengths = request.count(http::field::content_length);
  if (lengths > 1 || !is_decimal(view(request[http::field::content_length]))) {
    return {400, "A request must have at most one Content-Length, in decimal digits."};
  }
  if (encodings > 0 && (lengths > 0 || request.version() == 10)) {
    return {400, "A request must not have both Transfer-Encoding and Content-Length."};
  }
  if (encodings > 1 ||
      (encodings == 1 && !beast::iequals(request[http::field::transfer_encoding], "chunked"))) {
    return {501, "The only Transfer-Encoding that is served is chunked."};
  }
  if (request.count(http::field::content_encoding) > 0 &&
      !beast::iequals(request[http::field::content_encoding], "identity")) {
    return {415, "Compressed requests are not served."};
  }
  if (request.count(http::field::expect) > 0 &&
      !beast::iequals(request[http::field::expect], "100-continue")) {
    return {417, "The only expectation that can be met is 100-continue."};
  }
  // A browser lets any web page send requests to this machine, and says from which page.
  if (request.count(http::field::origin) > 0 &&
      host_of_origin(view(request[http::field::origin])) != view(request[http::field::host])) {
    return {403, "Requests from web pages of other servers are refused."};
  }
  return {};
}

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

// --- A connection that speaks HTTP/1.1 -----------------------------------------------------------

// Its handlers run one at a time, on the stream's strand, and keep it alive.
template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, Shared* shared)
      : stream_(std::move(stream)), shared_(*shared), memory_(&shared->memory) {}

  void start() {
    if constexpr (std::is_same_v<Stream, Encrypted>) {
      socket().expires_after(shared_.timeouts.headers);
      stream_.async_handshake(net::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (error) return;
                                self->names_ = common_names_of(self->stream_.native_handle());
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
    socket().expires_after(shared_.timeouts.idle);
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
    socket().expires_after(shared_.timeouts.headers);
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
    const Problem problem = problem_of(parser_->get());
    if (problem.status != 0) return refuse(problem);
    socket().expires_after(shared_.timeouts.body);
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
    keeps_alive_ = parser_->keep_alive() && parser_->get().version() == 11 && !shared_.is_draining;
    request_ = parser_->release();
    parser_.reset();
    shared_.requests.Increment();
    const std::string_view method = view(request_.method_string());
    const std::string_view target = view(request_.target());
    if (target == "/" && (method == "GET" || method == "HEAD")) {
      // What Google's emulator answers, too.
      return answer(200, kText, "Ok\n", method == "HEAD");
    }
    auto call = shared_.transcoder.request(method, target, request_.body());
    if (!call.ok()) return answer(call.status());
    request_.body() = {};
    memory_.clear();
    start_call(*call);
  }

  void start_call(const RestCall& call) {
    exchange_ = std::make_shared<Exchange>(&shared_);
    Exchange& exchange = *exchange_;
    exchange.method = call.method;
    exchange.path = fmt::format("/{}/{}", call.method->service()->full_name(), call.method->name());
    const grpc::Slice slice(call.request);
    exchange.request = grpc::ByteBuffer(&slice, 1);
    exchange.context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    shared_.identify(names_, &exchange.context);
    socket().expires_never();
    shared_.calls.enter();
    shared_.stub->UnaryCall(
        &exchange.context, exchange.path, {}, &exchange.request, &exchange.response,
        [self = this->shared_from_this(), exchange = exchange_](grpc::Status status) {
          Shared& shared = self->shared_;
          net::post(self->stream_.get_executor(),
                    [self, exchange, status = std::move(status)] { self->finish_call(status); });
          shared.calls.leave();
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

  void refuse(const Problem& problem) {
    shared_.malformed.Increment();
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
    head_ = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{}\r\n",
        status, reason_of(status), type, body.size(), keeps_alive_ ? "" : "Connection: close\r\n");
    body_ = is_head ? "" : std::move(body);
    socket().expires_after(shared_.timeouts.answer);
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
    socket().expires_after(shared_.timeouts.headers);  // for all of linger()
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
  Shared& shared_;
  std::vector<std::string> names_;  // in the client's certificate
  beast::flat_buffer buffer_{kMaxBufferBytes};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::request<http::string_body> request_;
  Share memory_;  // of the request's body
  std::size_t body_bytes_read_ = 0;
  std::size_t lingered_bytes_ = 0;
  bool keeps_alive_ = false;
  std::shared_ptr<Exchange> exchange_;
  std::string head_;
  std::string body_;
};

// --- A new connection ----------------------------------------------------------------------------

// Waits until the client has sent enough to say what it speaks. Reads nothing.
class Newcomer : public std::enable_shared_from_this<Newcomer> {
 public:
  Newcomer(Tcp::socket socket, Shared* shared)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), shared_(*shared) {}

  void start() {
    timer_.expires_after(shared_.timeouts.headers);
    timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      error_code ignored;
      if (!error && self != nullptr) self->socket_.close(ignored);
    });
    await(1);
  }

 private:
  void await(std::size_t bytes) {
    // Only then is the socket readable, or at the end of the stream.
    if (bytes > 1) set_low_water_mark(bytes);
    socket_.async_wait(Tcp::socket::wait_read,
                       [self = shared_from_this(), bytes](error_code error) {
                         if (!error && self->socket_.is_open()) self->look(bytes);
                       });
  }

  void look(std::size_t needed) {
    std::array<char, ConnectionSorter::kMaxBytes> bytes;
    const ssize_t count =
        ::recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return await(needed);
    // Fewer bytes than needed mean that no more will come.
    if (count <= 0 || static_cast<std::size_t>(count) < needed) return;
    const auto verdict = shared_.sorter.sort({bytes.data(), static_cast<std::size_t>(count)});
    if (verdict.protocol == ConnectionSorter::Protocol::kUndecided) return await(verdict.needed);
    if (verdict.protocol == ConnectionSorter::Protocol::kNeither) {
      shared_.malformed.Increment();
      return;
    }
    timer_.cancel();
    set_low_water_mark(1);
    if (verdict.protocol == ConnectionSorter::Protocol::kRest) return serve();
    error_code error;
    const int descriptor = socket_.release(error);
    if (!error) shared_.to_grpc(descriptor);
  }

  void serve() {
    beast::tcp_stream stream(std::move(socket_));
    if (shared_.tls) {
      std::make_shared<Session<Encrypted>>(Encrypted(std::move(stream), *shared_.tls), &shared_)
          ->start();
    } else {
      std::make_shared<Session<Plain>>(std::move(stream), &shared_)->start();
    }
  }

  void set_low_water_mark(std::size_t bytes) {
    const int mark = static_cast<int>(bytes);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark));
  }

  Tcp::socket socket_;
  net::steady_timer timer_;
  Shared& shared_;
};

absl::Status set_up(const RestTls& files, net::ssl::context* context) {
  error_code error;
  const auto failed = [&](const char* what) {
    return absl::InvalidArgumentError(fmt::format("TLS: {}: {}", what, error.message()));
  };
  context->set_options(net::ssl::context::default_workarounds | net::ssl::context::no_sslv2 |
                       net::ssl::context::no_sslv3 | net::ssl::context::no_tlsv1 |
                       net::ssl::context::no_tlsv1_1);
  context->use_certificate_chain(net::buffer(files.certificate), error);
  if (error) return failed("the certificate");
  context->use_private_key(net::buffer(files.key), net::ssl::context::pem, error);
  if (error) return failed("the private key");
  // A resumed session would have no certificate of its client.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_alpn_select_cb(
      context->native_handle(),
      [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
         unsigned int in_size, void*) {
        static constexpr std::array<unsigned char, 9> kOurs{8,   'h', 't', 't', 'p',
                                                            '/', '1', '.', '1'};
        unsigned char* selected = nullptr;
        const int found =
            SSL_select_next_proto(&selected, out_size, kOurs.data(), kOurs.size(), in, in_size);
        *out = selected;
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
      },
      nullptr);
  if (files.client_ca.empty()) return absl::OkStatus();
  context->add_certificate_authority(net::buffer(files.client_ca), error);
  if (error) return failed("the authority of clients");
  context->set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
  return absl::OkStatus();
}

}  // namespace

struct RestServer::Parts {
  Parts(const RestOptions& options, prometheus::Registry& metrics) : shared(options, metrics) {}

  Shared shared;
  std::optional<net::executor_work_guard<net::io_context::executor_type>> work;
  std::vector<std::jthread> threads;
};

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::create(const RestOptions& options,
                                                               prometheus::Registry& metrics) {
  auto parts = std::make_unique<Parts>(options, metrics);
  if (options.tls) {
    parts->shared.tls.emplace(net::ssl::context::tls_server);
    const absl::Status status = set_up(*options.tls, &*parts->shared.tls);
    if (!status.ok()) return status;
  }
  return std::unique_ptr<RestServer>(new RestServer(std::move(parts)));
}

RestServer::RestServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RestServer::~RestServer() { stop(); }

void RestServer::start(std::shared_ptr<grpc::Channel> channel, Identify identify, ToGrpc to_grpc) {
  Shared& shared = parts_->shared;
  shared.stub = std::make_unique<grpc::GenericStub>(std::move(channel));
  shared.identify = std::move(identify);
  shared.to_grpc = std::move(to_grpc);
  parts_->work.emplace(shared.io.get_executor());
  const std::size_t threads =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
  for (std::size_t i = 0; i < threads; ++i) {
    parts_->threads.emplace_back([&shared] { shared.io.run(); });
  }
}

void RestServer::accept(int descriptor) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size);
  Tcp::socket socket(net::make_strand(parts_->shared.io));
  error_code error;
  socket.assign(name.ss_family == AF_INET ? Tcp::v4() : Tcp::v6(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return;
  }
  const auto executor = socket.get_executor();
  net::post(executor, [newcomer = std::make_shared<Newcomer>(std::move(socket), &parts_->shared)] {
    newcomer->start();
  });
}

void RestServer::drain(std::chrono::milliseconds longest) {
  parts_->shared.is_draining = true;
  parts_->shared.exchanges.wait_for(longest);
}

void RestServer::stop() {
  parts_->shared.calls.wait();
  parts_->work.reset();
  parts_->shared.io.stop();
  parts_->threads.clear();
}

}  // namespace pollbus::broker
