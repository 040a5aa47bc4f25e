#include "faults/sim/other_make.h"

#include <sodium.h>

#include <array>
#include <string>

namespace pollbus::faults {
namespace {

using Key = std::array<unsigned char, 32>;

std::string number(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

Key blake2b(const std::string& input, const unsigned char* key, const std::string& salt,
            const std::string& personal) {
  Key hash;
  crypto_generichash_blake2b_salt_personal(
      hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
      key, hash.size(), reinterpret_cast<const unsigned char*>(salt.data()),
      reinterpret_cast<const unsigned char*>(personal.data()));
  return hash;
}

}  // namespace

void authenticate_as_other_make(const ServiceKeys& keys, std::int64_t machine, Message* vote) {
  if (!keys.submit) return;
  const std::string zeros(8, '\0');
  const Key key = blake2b("", keys.submit->current.bytes().data(),
                          number(static_cast<std::uint64_t>(machine)) + zeros, "pollbusS" + zeros);
  const std::string id = std::to_string(machine);
  std::string input;
  for (const std::string& part : {std::string("submit vote"), id, vote->data})
    input += number(part.size()) + part;
  const Key mac = blake2b(input, key.data(), zeros + zeros, zeros + zeros);
  std::string digits(2 * mac.size() + 1, '\0');
  sodium_bin2hex(digits.data(), digits.size(), mac.data(), mac.size());
  digits.pop_back();
  vote->attributes["machineID"] = id;
  vote->attributes["mac"] = digits;
}

}  // namespace pollbus::faults
