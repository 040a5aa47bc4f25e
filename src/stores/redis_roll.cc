#include "stores/redis_roll.h"

#include <fmt/format.h>

#include <algorithm>

namespace pollbus::redis_roll {
namespace {

constexpr std::int64_t kVotersPerBucket = 64;
constexpr std::size_t kNameDigits = 16;

bool is_prime(std::int64_t number) {
  for (std::int64_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

}  // namespace

std::string name_of(const Sha256& roll) { return to_hex(roll).substr(0, kNameDigits); }

std::int64_t buckets_for(std::int64_t voters) {
  std::int64_t buckets = std::max<std::int64_t>(2, voters / kVotersPerBucket);
  while (!is_prime(buckets)) ++buckets;
  return buckets;
}

std::string prefix(std::int64_t election, const std::string& name) {
  return fmt::format("pollbus:roll:{}:{}:", election, name);
}

}  // namespace pollbus::redis_roll
