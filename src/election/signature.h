#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "election/sha256.h"

namespace pollbus {

// The office's Ed25519 keys (RFC 8032) and signatures, written as lower-case hexadecimal digits: 64
// for either key (the private one is the seed), 128 for a signature. Thread-safe.
class OfficePublicKey {
 public:
  static constexpr std::size_t kBytes = 32;
  // INVALID_ARGUMENT for anything but 64 hexadecimal digits.
  static absl::StatusOr<OfficePublicKey> parse(std::string_view hex);
  // For Settings: what is wrong with the text, or nothing.
  static std::optional<std::string> check(const std::string& hex);

  std::string to_hex() const;
  // Whether `signature` (hexadecimal) is the office's signature over `data`.
  bool verifies(std::string_view data, std::string_view signature) const;

  bool operator==(const OfficePublicKey&) const = default;

 private:
  friend class OfficePrivateKey;
  std::array<unsigned char, kBytes> bytes_{};
};

// The destructor overwrites the key in memory.
class OfficePrivateKey {
 public:
  static constexpr std::size_t kSeedBytes = 32;
  static OfficePrivateKey generate();
  // INVALID_ARGUMENT (without quoting the text) for anything but 64 hexadecimal digits.
  static absl::StatusOr<OfficePrivateKey> parse(std::string_view hex);
  ~OfficePrivateKey();
  OfficePrivateKey(const OfficePrivateKey&) = default;
  OfficePrivateKey& operator=(const OfficePrivateKey&) = default;

  // The seed, to be stored. Never print it.
  std::string reveal() const;
  OfficePublicKey public_key() const;
  std::string sign(std::string_view data) const;
  // Bytes that only the holder of the key can compute: others for each purpose, and always the
  // same.
  Sha256 secret_for(std::string_view purpose) const;

 private:
  OfficePrivateKey() = default;
  std::array<unsigned char, 64> bytes_{};  // libsodium's form: seed and public key
};

}  // namespace pollbus
