#include "stores/tls_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/status.h"

namespace pollbus {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Ssl = std::unique_ptr<SSL, FreeSsl>;

// What OpenSSL says about the last failure on this thread. Never holds data of the connection.
std::string last_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection was closed";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

absl::Status failed(const std::string& what) {
  return absl::UnavailableError("TLS: " + what + ": " + last_error());
}

absl::StatusOr<Context> make_context(const RedisTls& tls) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return failed("no memory");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool has_authority =
      tls.authority.empty()
          ? SSL_CTX_set_default_verify_paths(context.get()) == 1
          : SSL_CTX_load_verify_locations(context.get(), tls.authority.c_str(), nullptr) == 1;
  if (!has_authority) return failed("cannot read the authority's certificate " + tls.authority);
  if (tls.certificate.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) != 1)
    return failed("cannot read the certificate " + tls.certificate);
  if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return failed("cannot use the private key " + tls.key);
  return context;
}

// The certificate must be valid for this address or name.
bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return true;
  ERR_clear_error();
  return X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

class OpenSslConnection final : public TlsConnection {
 public:
  explicit OpenSslConnection(Ssl ssl) : ssl_(std::move(ssl)) {}

  absl::StatusOr<std::size_t> read(char* to, std::size_t size) override {
    return transferred(SSL_read(ssl_.get(), to, bounded(size)));
  }
  absl::StatusOr<std::size_t> write(const char* from, std::size_t size) override {
    return transferred(SSL_write(ssl_.get(), from, bounded(size)));
  }

 private:
  static int bounded(std::size_t size) {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }

  absl::StatusOr<std::size_t> transferred(int result) const {
    if (result > 0) return static_cast<std::size_t>(result);
    const int kind = SSL_get_error(ssl_.get(), result);
    const bool timed_out = errno == EAGAIN || errno == EWOULDBLOCK;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ||
        (kind == SSL_ERROR_SYSCALL && timed_out)) {
      ERR_clear_error();
      return absl::DeadlineExceededError("no data in time");
    }
    return failed("connection lost");
  }

  Ssl ssl_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TlsConnection>> TlsConnection::connect(int socket,
                                                                      const RedisTls& tls,
                                                                      const std::string& host) {
  ERR_clear_error();
  ASSIGN_OR_RETURN(const Context context, make_context(tls));
  Ssl ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1 || !expect_host(ssl.get(), host))
    return failed("cannot prepare the connection");
  if (SSL_connect(ssl.get()) == 1) return std::make_unique<OpenSslConnection>(std::move(ssl));
  const long verified = SSL_get_verify_result(ssl.get());
  if (verified == X509_V_OK) return failed("the server does not accept the connection");
  ERR_clear_error();
  return absl::UnavailableError(std::string("TLS: the server's certificate is not valid: ") +
                                X509_verify_cert_error_string(verified));
}

}  // namespace pollbus
