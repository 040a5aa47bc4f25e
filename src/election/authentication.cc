#include "election/authentication.h"

#include <sodium.h>

#include <array>
#include <cassert>
#include <span>

#include "election/hash.h"

namespace pollbus {
namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMacDigits = 2 * kMacBytes;

using Mac = std::array<unsigned char, kMacBytes>;

static_assert(crypto_kdf_KEYBYTES == HashKey::kBytes);
static_assert(crypto_kdf_BYTES_MIN <= HashKey::kBytes && HashKey::kBytes <= crypto_kdf_BYTES_MAX);
static_assert(crypto_generichash_BYTES_MIN <= kMacBytes &&
              kMacBytes <= crypto_generichash_BYTES_MAX);

// Eight bytes each (crypto_kdf_CONTEXTBYTES).
const char* context_of(KeyUse use) { return use == KeyUse::kSubmit ? "pollbusS" : "pollbusR"; }

void add(crypto_generichash_state* state, std::string_view bytes) {
  crypto_generichash_update(state, reinterpret_cast<const unsigned char*>(bytes.data()),
                            bytes.size());
}

// With its length in front, so that no two inputs have the same bytes.
void add_with_length(crypto_generichash_state* state, std::string_view bytes) {
  std::array<char, 8> length;
  for (std::size_t i = 0; i < length.size(); ++i)
    length[i] = static_cast<char>(bytes.size() >> (8 * i) & 0xff);
  add(state, {length.data(), length.size()});
  add(state, bytes);
}

Mac compute(const HashKey& key, const MacInput& input) {
  crypto_generichash_state state;
  [[maybe_unused]] const int failed =
      crypto_generichash_init(&state, key.bytes().data(), key.bytes().size(), kMacBytes);
  assert(failed == 0 && "lengths are within libsodium's limits");
  for (const std::string_view part : {input.function, input.machine, input.data})
    add_with_length(&state, part);
  Mac mac;
  crypto_generichash_final(&state, mac.data(), mac.size());
  return mac;
}

// A MAC is no secret, so reading and writing its digits may take time that depends on them.

std::optional<unsigned> digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

std::optional<Mac> parse(std::string_view text) {
  if (text.size() != kMacDigits) return std::nullopt;
  Mac mac;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto high = digit_value(text[2 * i]);
    const auto low = digit_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    mac[i] = static_cast<unsigned char>(*high << 4 | *low);
  }
  return mac;
}

bool is_mac(const HashKey& key, const MacInput& input, const Mac& mac) {
  return sodium_memcmp(compute(key, input).data(), mac.data(), mac.size()) == 0;
}

}  // namespace

HashKey derive_key(const HashKey& main, KeyUse use, std::int64_t id) {
  std::array<unsigned char, HashKey::kBytes> bytes;
  [[maybe_unused]] const int failed =
      crypto_kdf_derive_from_key(bytes.data(), bytes.size(), static_cast<std::uint64_t>(id),
                                 context_of(use), main.bytes().data());
  assert(failed == 0 && "lengths are within libsodium's limits");
  const HashKey derived = HashKey::of(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return derived;
}

std::string mac_of(const HashKey& key, const MacInput& input) {
  std::string text;
  text.reserve(kMacDigits);
  for (const unsigned char byte : compute(key, input)) append_hex(byte, &text);
  return text;
}

RotatingKey derive_key(const RotatingKey& main, KeyUse use, std::int64_t id) {
  RotatingKey derived{.current = derive_key(main.current, use, id), .previous = {}};
  if (main.previous) derived.previous = derive_key(*main.previous, use, id);
  return derived;
}

bool is_authentic(const RotatingKey& key, const MacInput& input, std::string_view mac) {
  const auto given = parse(mac);
  if (!given) return false;
  if (is_mac(key.current, input, *given)) return true;
  return key.previous && is_mac(*key.previous, input, *given);
}

}  // namespace pollbus
