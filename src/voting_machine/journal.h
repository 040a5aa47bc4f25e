#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "voting_machine/journal_file.h"

namespace pollbus::voting_machine {

// The votes of one machine that have no answer yet, as published, on disk: what is kept over a
// crash, and erased (overwritten, not just forgotten) when an answer ends the vote. One file of
// slots of 512 bytes, readable by its owner only, held by one process at a time;
// docs/wire-format.md states its format. Not thread-safe.
class Journal {
 public:
  using Slot = std::uint32_t;
  struct Entry {
    Slot slot = 0;
    std::string data;
  };
  static constexpr std::size_t kMaxDataBytes = 496;
  static constexpr std::size_t kMaxEntries = 1'000'000;

  // Opens or creates it. `owner` names the election and machine whose votes it holds.
  // FAILED_PRECONDITION when another process holds it or it is another owner's or no journal,
  // UNAVAILABLE when the file system refuses.
  static absl::StatusOr<std::unique_ptr<Journal>> open(const std::string& path,
                                                       const std::string& owner);
  static absl::StatusOr<std::unique_ptr<Journal>> open(std::unique_ptr<JournalFile> file,
                                                       const std::string& owner);

  // What was there when it was opened, and is on disk; a vote half written when the process died is
  // not: it was never published.
  const std::vector<Entry>& recovered() const { return recovered_; }

  // Writes the votes and returns when they are on disk. RESOURCE_EXHAUSTED beyond kMaxEntries.
  // After any other error nothing may be published any more: what is on disk is not known.
  absl::StatusOr<std::vector<Slot>> append(std::span<const std::string> votes);

  // Overwrites a vote. Does not wait for the disk: one that is back after a crash is answered the
  // same again.
  absl::Status erase(Slot slot);

  std::size_t size() const { return used_; }

 private:
  explicit Journal(std::unique_ptr<JournalFile> file) : file_(std::move(file)) {}
  absl::Status write_header(const std::string& owner);
  absl::Status read_header(const std::string& owner);
  bool is_torn_header(const std::string& owner) const;
  absl::Status read_slots(std::size_t slots);
  absl::Status grow();

  std::unique_ptr<JournalFile> file_;
  std::size_t slots_ = 0;  // in the file, without the header
  std::size_t used_ = 0;
  std::vector<Slot> free_;
  std::vector<Entry> recovered_;
};

}  // namespace pollbus::voting_machine
