#pragma once

#include <grpcpp/security/server_credentials.h>

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"

namespace pollbus::broker {

// PEM files. They are read at the start: a renewed certificate needs a restart.
struct TlsFiles {
  std::filesystem::path certificate;  // empty: plain text
  std::filesystem::path key;
  std::filesystem::path client_ca;  // empty: clients need no certificate
};

// INVALID_ARGUMENT, with the file's name, when one cannot be read or is not what it should be.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsFiles& files);

}  // namespace pollbus::broker
