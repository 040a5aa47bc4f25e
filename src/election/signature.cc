#include "election/signature.h"

#include <sodium.h>

#include <span>

#include "election/hex.h"
#include "election/libsodium.h"

namespace pollbus {
namespace {

static_assert(OfficePublicKey::kBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(OfficePrivateKey::kSeedBytes == crypto_sign_SEEDBYTES);

// Reads exactly `size` bytes of hexadecimal digits.
bool read_hex(std::string_view hex, unsigned char* to, std::size_t size) {
  std::size_t length = 0;
  const char* end = nullptr;
  return hex.size() == 2 * size &&
         sodium_hex2bin(to, size, hex.data(), hex.size(), nullptr, &length, &end) == 0 &&
         length == size && end == hex.data() + hex.size();
}

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

absl::StatusOr<OfficePublicKey> OfficePublicKey::parse(std::string_view hex) {
  OfficePublicKey key;
  if (read_hex(hex, key.bytes_.data(), key.bytes_.size())) return key;
  return absl::InvalidArgumentError(
      "the office's public key must be 64 hexadecimal digits (election-office keygen prints it)");
}

std::optional<std::string> OfficePublicKey::check(const std::string& hex) {
  if (parse(hex).ok()) return std::nullopt;
  return "expected 64 hexadecimal digits (election-office keygen prints the key)";
}

std::string OfficePublicKey::to_hex() const { return hex_of(bytes_); }

bool OfficePublicKey::verifies(std::string_view data, std::string_view signature) const {
  std::array<unsigned char, crypto_sign_BYTES> bytes;
  if (!read_hex(signature, bytes.data(), bytes.size())) return false;
  return crypto_sign_verify_detached(bytes.data(), unsigned_bytes(data), data.size(),
                                     bytes_.data()) == 0;
}

OfficePrivateKey OfficePrivateKey::generate() {
  prepare_libsodium();
  OfficePrivateKey key;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_key;
  crypto_sign_keypair(public_key.data(), key.bytes_.data());
  return key;
}

absl::StatusOr<OfficePrivateKey> OfficePrivateKey::parse(std::string_view hex) {
  prepare_libsodium();
  std::array<unsigned char, crypto_sign_SEEDBYTES> seed;
  if (!read_hex(hex, seed.data(), seed.size())) {
    return absl::InvalidArgumentError("the office's private key must be 64 hexadecimal digits");
  }
  OfficePrivateKey key;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_key;
  crypto_sign_seed_keypair(public_key.data(), key.bytes_.data(), seed.data());
  sodium_memzero(seed.data(), seed.size());
  return key;
}

OfficePrivateKey::~OfficePrivateKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

std::string OfficePrivateKey::reveal() const { return hex_of(std::span(bytes_).first(kSeedBytes)); }

OfficePublicKey OfficePrivateKey::public_key() const {
  OfficePublicKey key;
  crypto_sign_ed25519_sk_to_pk(key.bytes_.data(), bytes_.data());
  return key;
}

std::string OfficePrivateKey::sign(std::string_view data) const {
  std::array<unsigned char, crypto_sign_BYTES> signature;
  crypto_sign_detached(signature.data(), nullptr, unsigned_bytes(data), data.size(), bytes_.data());
  return hex_of(signature);
}

Sha256 OfficePrivateKey::secret_for(std::string_view purpose) const {
  Sha256 secret;
  crypto_generichash(secret.data(), secret.size(), unsigned_bytes(purpose), purpose.size(),
                     bytes_.data(), kSeedBytes);
  return secret;
}

}  // namespace pollbus
