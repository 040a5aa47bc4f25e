#include "broker/service/tls.h"

#include <string>
#include <utility>

#include "base/pem.h"
#include "base/status.h"

namespace pollbus::broker {

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsFiles& files) {
  if (files.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  ASSIGN_OR_RETURN(PemPair pair, read_pem_pair(files.certificate, files.key));
  options.pem_key_cert_pairs.push_back({std::move(pair.key), std::move(pair.certificate)});
  if (!files.client_ca.empty()) {
    ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(files.client_ca, "CERTIFICATE"));
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::optional<RestTls>> rest_tls(const TlsFiles& files) {
  if (files.certificate.empty()) return std::nullopt;
  RestTls tls;
  ASSIGN_OR_RETURN(PemPair pair, read_pem_pair(files.certificate, files.key));
  tls.certificate = std::move(pair.certificate);
  tls.key = std::move(pair.key);
  if (!files.client_ca.empty()) {
    ASSIGN_OR_RETURN(tls.client_ca, read_pem(files.client_ca, "CERTIFICATE"));
  }
  return tls;
}

}  // namespace pollbus::broker
