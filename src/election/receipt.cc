#include "election/receipt.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <initializer_list>
#include <span>

#include "election/sha256.h"
#include "election/uuid.h"

namespace pollbus {
namespace {

// A text that is hashed: what it is for, numbers, and last the UUID in lower case, with a blank
// before each. It stands on the stack, and is overwritten because it may hold a choice.
class HashedText {
 public:
  HashedText(std::string_view purpose, std::initializer_list<std::int64_t> numbers,
             std::string_view uuid) {
    append(purpose);
    for (const std::int64_t number : numbers) {
      const fmt::format_int digits(number);
      append(" ");
      append({digits.data(), digits.size()});
    }
    append(" ");
    append(uuid);
    make_lower_case(std::span(text_.data(), text_.size()).last(uuid.size()));
  }
  ~HashedText() { sodium_memzero(text_.data(), text_.size()); }
  HashedText(const HashedText&) = delete;
  HashedText& operator=(const HashedText&) = delete;

  Hash128 hash() const {
    const Sha256 whole = sha256({text_.data(), text_.size()});
    Hash128 hash;
    std::copy_n(whole.begin(), hash.size(), hash.begin());
    return hash;
  }

 private:
  void append(std::string_view part) { text_.append(part.data(), part.data() + part.size()); }

  fmt::memory_buffer text_;
};

}  // namespace

Hash128 receipt(std::int64_t election, std::string_view uuid) {
  return HashedText("pollbus receipt", {election}, uuid).hash();
}

Hash128 content_hash(const AnonymousVote& vote) {
  return HashedText("pollbus vote", {vote.election, vote.machine, vote.choice}, vote.uuid).hash();
}

}  // namespace pollbus
