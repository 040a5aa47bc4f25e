#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "election/keyed_hash.h"

// Message authentication codes and the keys for them, as docs/wire-format.md ("Authentication")
// defines them. The keys have the form of a HashKey. Pure functions; thread-safe.
namespace pollbus {

// What a machine's key is for: it authenticates submitted votes, or the answers to them.
enum class KeyUse { kSubmit, kResult };

// The key of one machine, or of the office (wire::kOfficeIdentity). libsodium's
// crypto_kdf_derive_from_key (https://doc.libsodium.org/key_derivation) makes it, so it reveals
// neither the main key nor the key of another.
HashKey derive_key(const HashKey& main, KeyUse use, std::int64_t id);

// What a MAC covers. `machine` is a machine ID in decimal digits, or empty for a message to no
// machine in particular.
struct MacInput {
  std::string_view function;
  std::string_view machine;
  std::string_view data;
};

// Sixty-four lower-case hexadecimal digits.
std::string mac_of(const HashKey& key, const MacInput& input);

// A key and, while keys are being rotated, another one that is accepted, too. Senders use
// `current`.
struct RotatingKey {
  HashKey current;
  std::optional<HashKey> previous;
};
RotatingKey derive_key(const RotatingKey& main, KeyUse use, std::int64_t id);

// Whether `mac` is the MAC of the input under one of the keys. Takes the same time whatever the
// wrong digits of `mac` are.
bool is_authentic(const RotatingKey& key, const MacInput& input, std::string_view mac);

}  // namespace pollbus
