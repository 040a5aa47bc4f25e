#pragma once

#include <grpcpp/security/server_credentials.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "broker/rest/rest_server.h"

namespace pollbus::broker {

// PEM files, read once at start: a renewed certificate needs a restart.
struct TlsFiles {
  std::filesystem::path certificate;  // empty: plain text
  std::filesystem::path key;
  std::filesystem::path client_ca;  // empty: clients need no certificate
};

// INVALID_ARGUMENT with the name of a file that cannot be read or has the wrong content.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsFiles& files);

// The same for REST; std::nullopt for plain text.
absl::StatusOr<std::optional<RestTls>> rest_tls(const TlsFiles& files);

}  // namespace pollbus::broker
