#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace pollbus::broker {

// Says what a client wants to speak, by the first bytes that it has sent. Immutable, so safe to use
// from any thread.
class ConnectionSorter {
 public:
  enum class Protocol { kUndecided, kGrpc, kRest, kNeither };
  struct Verdict {
    Protocol protocol = Protocol::kUndecided;
    std::size_t needed = 0;  // if undecided: how many bytes are needed, more than there are
  };
  // No verdict needs more: a record of TLS (RFC 8446, 5.2) with its header.
  static constexpr std::size_t kMaxBytes = 5 + (16 << 10) + 256;

  explicit ConnectionSorter(bool is_encrypted);
  ~ConnectionSorter();

  // `bytes` is not empty.
  Verdict sort(std::string_view bytes) const;

 private:
  struct Hello;
  Verdict sort_encrypted(std::string_view bytes) const;

  std::unique_ptr<Hello> hello_;  // nullptr: plain text
};

}  // namespace pollbus::broker
