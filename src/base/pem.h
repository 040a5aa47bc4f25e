#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus {

// Certificates and keys in PEM form (RFC 7468), which libraries for TLS load without a useful error
// when a file is wrong. Errors are INVALID_ARGUMENT and name the file, never its content. Stateless
// and safe to call from any thread.

// The text of a file that has a block whose label ends with `kind` ("CERTIFICATE", "PRIVATE KEY").
absl::StatusOr<std::string> read_pem(const std::filesystem::path& file, std::string_view kind);

// A certificate, with its chain, and its private key.
struct PemPair {
  std::string certificate;
  std::string key;
};
// Reads both files and checks that the key is the certificate's.
absl::StatusOr<PemPair> read_pem_pair(const std::filesystem::path& certificate,
                                      const std::filesystem::path& key);

}  // namespace pollbus
