#include "election/keyed_hash.h"

#include <sodium.h>

#include <cassert>

namespace pollbus {
namespace {

static_assert(crypto_generichash_KEYBYTES_MIN <= HashKey::kBytes &&
              HashKey::kBytes <= crypto_generichash_KEYBYTES_MAX);
static_assert(crypto_generichash_BYTES_MIN <= sizeof(KeyedHash));

// First byte of what is hashed: one key used for both kinds would still give unrelated hashes.
enum class Domain : char { kFingerprint = 'F', kReceipt = 'R' };

// What is hashed: the domain, integers as 8 bytes each, least significant first, and last the UUID,
// the only part of varying length. So no two votes are the same bytes.
class Encoded {
 public:
  explicit Encoded(Domain domain) {
    bytes_.reserve(1 + 3 * 8 + 36);  // so that growing leaves no copy behind
    bytes_ += static_cast<char>(domain);
  }
  // It holds a choice.
  ~Encoded() { sodium_memzero(bytes_.data(), bytes_.size()); }
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;

  Encoded& integer(std::int64_t value) {
    for (int shift = 0; shift < 64; shift += 8) {
      bytes_ += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
    }
    return *this;
  }

  Encoded& uuid(std::string_view text) {
    for (const char c : text) {
      bytes_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return *this;
  }

  KeyedHash hash(const HashKey& key) const {
    KeyedHash hash;
    [[maybe_unused]] const int failed = crypto_generichash(
        hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes_.data()),
        bytes_.size(), key.bytes().data(), key.bytes().size());
    assert(failed == 0 && "lengths are within libsodium's limits");
    return hash;
  }

 private:
  std::string bytes_;
};

// Picks the fastest implementation for this processor; the hashes work without it, slower.
void prepare_libsodium() { [[maybe_unused]] static const int prepared = sodium_init(); }

}  // namespace

absl::StatusOr<HashKey> HashKey::parse(std::string_view hex) {
  prepare_libsodium();
  HashKey key;
  std::size_t length = 0;
  const char* end = nullptr;
  const bool read = sodium_hex2bin(key.bytes_.data(), key.bytes_.size(), hex.data(), hex.size(),
                                   nullptr, &length, &end) == 0;
  if (!read || length != kBytes || end != hex.data() + hex.size()) {
    return absl::InvalidArgumentError(
        "a key must be 64 hexadecimal digits (generate one: openssl rand -hex 32)");
  }
  return key;
}

std::optional<std::string> HashKey::check(const std::string& hex) {
  if (parse(hex).ok()) return std::nullopt;
  return "expected 64 hexadecimal digits (generate a key: openssl rand -hex 32)";
}

HashKey::~HashKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

KeyedHash fingerprint(const HashKey& key, const SubmittedVote& vote) {
  return Encoded(Domain::kFingerprint)
      .integer(vote.election)
      .integer(vote.machine)
      .integer(vote.choice)
      .uuid(vote.uuid)
      .hash(key);
}

KeyedHash receipt(const HashKey& key, const AnonymousVote& vote) {
  return Encoded(Domain::kReceipt).integer(vote.election).uuid(vote.uuid).hash(key);
}

std::string to_hex(const KeyedHash& hash) {
  std::string hex;
  hex.reserve(2 * hash.size());
  for (const unsigned char byte : hash) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 0x0f];
  }
  return hex;
}

}  // namespace pollbus
