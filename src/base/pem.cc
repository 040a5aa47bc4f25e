#include "base/pem.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "base/files.h"
#include "base/status.h"

namespace pollbus {
namespace {

constexpr std::size_t kMaxPemBytes = 1 << 20;

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

bool are_pair(const PemPair& pair) {
  char no_password[] = "";  // otherwise OpenSSL would ask for one on the terminal
  const Certificate certificate(
      PEM_read_bio_X509(reader(pair.certificate).get(), nullptr, nullptr, no_password));
  const Key key(PEM_read_bio_PrivateKey(reader(pair.key).get(), nullptr, nullptr, no_password));
  return certificate != nullptr && key != nullptr &&
         X509_check_private_key(certificate.get(), key.get()) == 1;
}

}  // namespace

absl::StatusOr<std::string> read_pem(const std::filesystem::path& file, std::string_view kind) {
  auto pem = read_whole_file(file, kMaxPemBytes);
  if (!pem.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("TLS: cannot read {}: {}", file.string(), std::string(pem.status().message())));
  }
  if (pem->find(fmt::format("{}-----", kind)) == std::string::npos ||
      pem->find("-----BEGIN ") == std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("TLS: {} does not hold a {} in PEM form", file.string(), kind));
  }
  return pem;
}

absl::StatusOr<PemPair> read_pem_pair(const std::filesystem::path& certificate,
                                      const std::filesystem::path& key) {
  PemPair pair;
  ASSIGN_OR_RETURN(pair.certificate, read_pem(certificate, "CERTIFICATE"));
  ASSIGN_OR_RETURN(pair.key, read_pem(key, "PRIVATE KEY"));
  if (are_pair(pair)) return pair;
  return absl::InvalidArgumentError(
      fmt::format("TLS: {} does not hold the key of {}", key.string(), certificate.string()));
}

}  // namespace pollbus
