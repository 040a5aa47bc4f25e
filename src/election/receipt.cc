#include "election/receipt.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <string>

#include "election/sha256.h"
#include "election/uuid.h"

namespace pollbus {
namespace {

Hash128 sha256_128(std::string_view text) {
  const Sha256 whole = sha256(text);
  Hash128 hash;
  std::copy_n(whole.begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace

Hash128 receipt(std::int64_t election, std::string_view uuid) {
  return sha256_128(fmt::format("pollbus receipt {} {}", election, lower_case(uuid)));
}

Hash128 content_hash(const AnonymousVote& vote) {
  std::string text = fmt::format("pollbus vote {} {} {} {}", vote.election, vote.machine,
                                 vote.choice, lower_case(vote.uuid));
  const Hash128 hash = sha256_128(text);
  sodium_memzero(text.data(), text.size());  // it holds a choice
  return hash;
}

}  // namespace pollbus
