#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "election/vote.h"

namespace pollbus {

// A secret key for the hashes below: 32 bytes, written as 64 hexadecimal digits.
// Generate one: openssl rand -hex 32. All replicas of a service share it, and it must not change
// during an election. Overwritten in memory when destroyed.
class HashKey {
 public:
  static constexpr std::size_t kBytes = 32;
  // INVALID_ARGUMENT (without the text) for anything but 64 hexadecimal digits.
  static absl::StatusOr<HashKey> parse(std::string_view hex);
  // For Settings: what is wrong with the text, or nothing.
  static std::optional<std::string> check(const std::string& hex);
  ~HashKey();
  HashKey(const HashKey&) = default;
  HashKey& operator=(const HashKey&) = default;

  std::span<const unsigned char, kBytes> bytes() const { return bytes_; }

 private:
  HashKey() = default;
  std::array<unsigned char, kBytes> bytes_{};
};

using KeyedHash = std::array<unsigned char, 16>;

// What the voter register keeps with a mark: tells this vote from another of the same voter, and
// nothing about the choice to whoever lacks the key. Keyed BLAKE2b (libsodium crypto_generichash)
// of UUID, machine, election and choice; the UUID's case does not matter.
KeyedHash fingerprint(const HashKey& key, const SubmittedVote& vote);

// What the ballot box keeps of a stored vote: keyed hash of election and UUID.
KeyedHash receipt(const HashKey& key, const AnonymousVote& vote);

std::string to_hex(const KeyedHash& hash);

}  // namespace pollbus
