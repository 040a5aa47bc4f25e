#include "election/keyed_hash.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <span>

#include "base/byte_order.h"
#include "election/libsodium.h"
#include "election/uuid.h"

namespace pollbus {
namespace {

static_assert(crypto_generichash_KEYBYTES_MIN <= HashKey::kBytes &&
              HashKey::kBytes <= crypto_generichash_KEYBYTES_MAX);
static_assert(crypto_generichash_BYTES_MIN <= sizeof(KeyedHash));

// The first byte of the input, so that hashes of different kinds never coincide.
enum class Domain : char { kFingerprint = 'F', kCheckValue = 'K' };

// The input of a hash: the domain, integers of 8 bytes each (least significant byte first), and
// last the text, the only part of varying length. No two votes have the same bytes.
class Encoded {
 public:
  explicit Encoded(Domain domain) {
    bytes_.reserve(1 + 3 * 8 + 36);  // a reallocation would leave a copy behind
    bytes_ += static_cast<char>(domain);
  }
  // Overwritten because it holds a choice.
  ~Encoded() { sodium_memzero(bytes_.data(), bytes_.size()); }
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;

  Encoded& integer(std::int64_t value) {
    append_little_endian(bytes_, value);
    return *this;
  }

  Encoded& text(std::string_view text) {
    bytes_ += text;
    return *this;
  }

  Encoded& uuid(std::string_view uuid) {
    bytes_ += uuid;
    make_lower_case(std::span(bytes_).last(uuid.size()));
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

HashKey HashKey::of(std::span<const unsigned char, kBytes> bytes) {
  prepare_libsodium();
  HashKey key;
  std::ranges::copy(bytes, key.bytes_.begin());
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

KeyedHash check_value(const HashKey& key) {
  return Encoded(Domain::kCheckValue).text("pollbus logger key").hash(key);
}

}  // namespace pollbus
