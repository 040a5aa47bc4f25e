#include "broker/rest/tls_context.h"

#include <fmt/format.h>
#include <openssl/x509.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <memory>

namespace pollbus::broker {

namespace net = boost::asio;

absl::Status set_up(const RestTls& files, net::ssl::context* context) {
  boost::system::error_code error;
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

std::vector<std::string> common_names_of_client(SSL* connection) {
  std::vector<std::string> names;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(connection), &X509_free);
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

}  // namespace pollbus::broker
