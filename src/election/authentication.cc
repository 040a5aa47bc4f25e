#include "election/authentication.h"

#include <sodium.h>

#include <array>
#include <cassert>
#include <cstdint>
#include <string>

#include "absl/container/fixed_array.h"
#include "base/byte_order.h"
#include "election/hash.h"

namespace pollbus {
namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMacDigits = 2 * kMacBytes;
// The input of most MACs is not longer, and stands on the stack.
constexpr std::size_t kUsualInputBytes = 512;

using Digits = std::array<char, kMacDigits>;

static_assert(crypto_kdf_KEYBYTES == HashKey::kBytes);
static_assert(crypto_kdf_BYTES_MIN <= HashKey::kBytes && HashKey::kBytes <= crypto_kdf_BYTES_MAX);
static_assert(crypto_generichash_BYTES_MIN <= kMacBytes &&
              kMacBytes <= crypto_generichash_BYTES_MAX);

// Eight bytes each (crypto_kdf_CONTEXTBYTES).
const char* context_of(KeyUse use) { return use == KeyUse::kSubmit ? "pollbusS" : "pollbusR"; }

// Each part has its length in front, so that no two inputs have the same bytes.
Digits compute(const HashKey& key, const MacInput& input) {
  const std::array parts = {input.function, input.machine, input.data};
  absl::FixedArray<char, kUsualInputBytes> bytes(
      parts.size() * sizeof(std::uint64_t) + parts[0].size() + parts[1].size() + parts[2].size());
  char* end = bytes.data();
  for (const std::string_view part : parts) {
    const auto length = bytes_in_order(std::uint64_t{part.size()}, std::endian::little);
    end += std::string_view(length.data(), length.size()).copy(end, length.size());
    end += part.copy(end, part.size());
  }
  std::array<unsigned char, kMacBytes> mac;
  [[maybe_unused]] const int failed = crypto_generichash(
      mac.data(), mac.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
      key.bytes().data(), key.bytes().size());
  assert(failed == 0 && "lengths are within libsodium's limits");
  Digits digits;
  write_hex(mac, digits.data());
  return digits;
}

// Takes a time that does not depend on the digits of `mac`.
bool is_mac(const HashKey& key, const MacInput& input, std::string_view mac) {
  static_assert(crypto_verify_64_BYTES == kMacDigits);
  const Digits expected = compute(key, input);
  return crypto_verify_64(reinterpret_cast<const unsigned char*>(expected.data()),
                          reinterpret_cast<const unsigned char*>(mac.data())) == 0;
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
  const Digits digits = compute(key, input);
  return {digits.data(), digits.size()};
}

RotatingKey derive_key(const RotatingKey& main, KeyUse use, std::int64_t id) {
  RotatingKey derived{.current = derive_key(main.current, use, id), .previous = {}};
  if (main.previous) derived.previous = derive_key(*main.previous, use, id);
  return derived;
}

bool is_authentic(const RotatingKey& key, const MacInput& input, std::string_view mac) {
  if (mac.size() != kMacDigits) return false;
  return is_mac(key.current, input, mac) || (key.previous && is_mac(*key.previous, input, mac));
}

}  // namespace pollbus
