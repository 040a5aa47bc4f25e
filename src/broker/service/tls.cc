#include "broker/service/tls.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/status.h"

namespace pollbus::broker {
namespace {

// What gRPC makes of a file that is no PEM, it does not tell.
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
        fmt::format("TLS: {} holds no PEM of a {}", file.string(), kind));
  }
  return pem;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsFiles& files) {
  if (files.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  ASSIGN_OR_RETURN(std::string certificate, read_pem(files.certificate, "CERTIFICATE"));
  ASSIGN_OR_RETURN(std::string key, read_pem(files.key, "PRIVATE KEY"));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  if (!files.client_ca.empty()) {
    ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(files.client_ca, "CERTIFICATE"));
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(options);
}

}  // namespace pollbus::broker
