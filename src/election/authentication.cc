#include "election/authentication.h"

#include <sodium.h>

#include <array>
#include <cassert>
#include <span>

namespace pollbus {
namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMacDigits = 2 * kMacBytes;

using MacText = std::array<char, kMacDigits + 1>;  // with the NUL that sodium_bin2hex writes

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

MacText mac_text(const HashKey& key, const MacInput& input) {
  crypto_generichash_state state;
  [[maybe_unused]] const int failed =
      crypto_generichash_init(&state, key.bytes().data(), key.bytes().size(), kMacBytes);
  assert(failed == 0 && "lengths are within libsodium's limits");
  for (const std::string_view part : {input.function, input.machine, input.data})
    add_with_length(&state, part);
  std::array<unsigned char, kMacBytes> mac;
  crypto_generichash_final(&state, mac.data(), mac.size());
  MacText text;
  sodium_bin2hex(text.data(), text.size(), mac.data(), mac.size());
  return text;
}

bool is_mac(const HashKey& key, const MacInput& input, std::string_view mac) {
  return sodium_memcmp(mac_text(key, input).data(), mac.data(), kMacDigits) == 0;
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
  return {mac_text(key, input).data(), kMacDigits};
}

RotatingKey derive_key(const RotatingKey& main, KeyUse use, std::int64_t id) {
  RotatingKey derived{.current = derive_key(main.current, use, id), .previous = {}};
  if (main.previous) derived.previous = derive_key(*main.previous, use, id);
  return derived;
}

bool is_authentic(const RotatingKey& key, const MacInput& input, std::string_view mac) {
  if (mac.size() != kMacDigits) return false;
  if (is_mac(key.current, input, mac)) return true;
  return key.previous && is_mac(*key.previous, input, mac);
}

}  // namespace pollbus
