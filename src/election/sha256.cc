#include "election/sha256.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <new>

#include "election/hex.h"

namespace pollbus {
namespace {

// A context that has been set up for SHA-256 once: finding the algorithm takes longer than a hash.
class Context {
 public:
  Context() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw std::bad_alloc();
  }

  Sha256 hash(std::string_view bytes) {
    Sha256 hash;
    [[maybe_unused]] const bool is_hashed =
        EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1 &&
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
        EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) == 1;
    assert(is_hashed && "only setting up can fail");
    return hash;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

Sha256 sha256(std::string_view bytes) {
  thread_local Context context;
  return context.hash(bytes);
}

std::string to_hex(const Sha256& hash) { return hex_of(hash); }

std::optional<Sha256> parse_sha256(std::string_view hex) {
  Sha256 hash;
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::ranges::all_of(hex, is_digit)) return std::nullopt;
  sodium_hex2bin(hash.data(), hash.size(), hex.data(), hex.size(), nullptr, nullptr, nullptr);
  return hash;
}

std::string_view bytes_of(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace pollbus
