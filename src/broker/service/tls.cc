#include "broker/service/tls.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "base/status.h"

namespace pollbus::broker {
namespace {

// gRPC does not report files that are not PEM, so this checks them.
absl::StatusOr<std::string> read_pem(const std::filesystem::path& file, std::string_view kind) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) {
    return absl::InvalidArgumentError(fmt::format("TLS: cannot read {}", file.string()));
  }
  std::string pem = text.str();
  if (pem.find(fmt::format("{}-----", kind)) == std::string::npos ||
      pem.find("-----BEGIN ") == std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("TLS: {} does not hold a {} in PEM form", file.string(), kind));
  }
  return pem;
}

template <typename Object, void (*release)(Object*)>
struct Release {
  void operator()(Object* object) const { release(object); }
};
using Bio = std::unique_ptr<BIO, Release<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;

Bio reader(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

bool are_pair(const std::string& certificate_pem, const std::string& key_pem) {
  char no_password[] = "";  // otherwise OpenSSL would ask for one on the terminal
  const Certificate certificate(
      PEM_read_bio_X509(reader(certificate_pem).get(), nullptr, nullptr, no_password));
  const Key key(PEM_read_bio_PrivateKey(reader(key_pem).get(), nullptr, nullptr, no_password));
  return certificate != nullptr && key != nullptr &&
         X509_check_private_key(certificate.get(), key.get()) == 1;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsFiles& files) {
  if (files.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  ASSIGN_OR_RETURN(std::string certificate, read_pem(files.certificate, "CERTIFICATE"));
  ASSIGN_OR_RETURN(std::string key, read_pem(files.key, "PRIVATE KEY"));
  if (!are_pair(certificate, key)) {
    return absl::InvalidArgumentError(fmt::format("TLS: {} does not hold the key of {}",
                                                  files.key.string(), files.certificate.string()));
  }
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  if (!files.client_ca.empty()) {
    ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(files.client_ca, "CERTIFICATE"));
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(options);
}

}  // namespace pollbus::broker
