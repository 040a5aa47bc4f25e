#include "broker/rest/connection_sorter.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace pollbus::broker {
namespace {

using Protocol = ConnectionSorter::Protocol;
using Verdict = ConnectionSorter::Verdict;

// The preface of HTTP/2 (RFC 9113, 3.4). No method of HTTP/1.1 begins like this.
constexpr std::string_view kHttp2 = "PRI";
// The header of a record of TLS (RFC 8446, 5.1): type, version and length.
constexpr std::size_t kRecordHeaderBytes = 5;
constexpr char kHandshake = 22;

bool offers(std::string_view protocols, std::string_view wanted) {
  while (!protocols.empty()) {
    const auto size = static_cast<unsigned char>(protocols.front());
    protocols.remove_prefix(1);
    if (protocols.substr(0, size) == wanted) return true;
    protocols.remove_prefix(std::min<std::size_t>(size, protocols.size()));
  }
  return false;
}

// Clients without ALPN speak HTTP/1.1; gRPC requires it.
Protocol protocol_of(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                &size) != 1 ||
      size < 2) {
    return Protocol::kRest;
  }
  const std::string_view list(reinterpret_cast<const char*>(data) + 2, size - 2);
  return offers(list, "h2") && !offers(list, "http/1.1") ? Protocol::kGrpc : Protocol::kRest;
}

Verdict sort_plain(std::string_view bytes) {
  if (bytes.front() == kHandshake) return {Protocol::kNeither};
  if (bytes.starts_with(kHttp2)) return {Protocol::kGrpc};
  if (kHttp2.starts_with(bytes)) return {Protocol::kUndecided, kHttp2.size()};
  return {Protocol::kRest};
}

}  // namespace

// Lets OpenSSL parse the client's first message (ClientHello), and ends the handshake there.
struct ConnectionSorter::Hello {
  Hello() : context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    if (context == nullptr) return;
    SSL_CTX_set_client_hello_cb(
        context.get(),
        [](SSL* ssl, int* /*alert*/, void* /*argument*/) {
          *static_cast<Protocol*>(SSL_get_app_data(ssl)) = protocol_of(ssl);
          return SSL_CLIENT_HELLO_ERROR;
        },
        nullptr);
  }
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context;
};

ConnectionSorter::ConnectionSorter(bool is_encrypted)
    : hello_(is_encrypted ? std::make_unique<Hello>() : nullptr) {}

ConnectionSorter::~ConnectionSorter() = default;

Verdict ConnectionSorter::sort(std::string_view bytes) const {
  return hello_ == nullptr ? sort_plain(bytes) : sort_encrypted(bytes);
}

Verdict ConnectionSorter::sort_encrypted(std::string_view bytes) const {
  if (bytes.front() != kHandshake) return {Protocol::kNeither};
  if (bytes.size() < kRecordHeaderBytes) return {Protocol::kUndecided, kRecordHeaderBytes};
  const std::size_t record =
      kRecordHeaderBytes + (std::size_t{static_cast<unsigned char>(bytes[3])} << 8 |
                            static_cast<unsigned char>(bytes[4]));
  if (record > kMaxBytes) return {Protocol::kNeither};
  if (bytes.size() < record) return {Protocol::kUndecided, record};
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(hello_->context.get()), &SSL_free);
  BIO* const input = BIO_new_mem_buf(bytes.data(), static_cast<int>(record));
  BIO* const output = BIO_new(BIO_s_mem());
  if (ssl == nullptr || input == nullptr || output == nullptr) return {Protocol::kNeither};
  BIO_set_mem_eof_return(input, -1);
  SSL_set_bio(ssl.get(), input, output);
  // A hello in several records stays undecided. gRPC then refuses what is wrong with it.
  Protocol protocol = Protocol::kGrpc;
  SSL_set_app_data(ssl.get(), &protocol);
  SSL_set_accept_state(ssl.get());
  SSL_do_handshake(ssl.get());
  ERR_clear_error();
  return {protocol};
}

}  // namespace pollbus::broker
