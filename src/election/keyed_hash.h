#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "election/hash.h"
#include "election/vote.h"

namespace pollbus {

// A secret key: 32 bytes, written as 64 hexadecimal digits. Generate one with: openssl rand
// -hex 32. The destructor overwrites it in memory. All loggers share the one for the hashes below,
// and it must not change during an election.
class HashKey {
 public:
  static constexpr std::size_t kBytes = 32;
  // INVALID_ARGUMENT (without quoting the text) for anything but 64 hexadecimal digits.
  static absl::StatusOr<HashKey> parse(std::string_view hex);
  static HashKey of(std::span<const unsigned char, kBytes> bytes);
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

// A hash that only holders of the key can compute: BLAKE2b (libsodium's crypto_generichash).
using KeyedHash = Hash128;

// What the voter register keeps with a mark. It tells this vote from another vote of the same
// voter, and reveals nothing about the choice without the key. A hash of UUID, machine, election
// and choice; the case of the UUID's letters does not matter.
KeyedHash fingerprint(const HashKey& key, const SubmittedVote& vote);

// Proves that two loggers have the same key without revealing it: a hash of a constant.
KeyedHash check_value(const HashKey& key);

}  // namespace pollbus
