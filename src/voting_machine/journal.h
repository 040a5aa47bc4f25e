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

// The votes of one machine that have no answer yet, byte for byte as they are published. They
// survive a crash, and an answered vote is overwritten, not just forgotten. The file consists of
// slots of 512 bytes, only its owner may read it, and one process at a time holds it;
// docs/wire-format.md describes the format. Not thread-safe.
class Journal {
 public:
  using Slot = std::uint32_t;
  struct Entry {
    Slot slot = 0;
    std::string data;
  };
  static constexpr std::size_t kMaxDataBytes = 496;
  static constexpr std::size_t kMaxEntries = 1'000'000;

  // Opens or creates the file. FAILED_PRECONDITION if another process holds it or it is not a
  // journal, UNAVAILABLE if the file system fails.
  static absl::StatusOr<std::unique_ptr<Journal>> open(const std::string& path);
  static absl::StatusOr<std::unique_ptr<Journal>> open(std::unique_ptr<JournalFile> file);

  const std::string& name() const { return file_->name(); }

  // What claim() wrote. Empty for a new journal and for one whose header is damaged.
  const std::string& owner() const { return owner_; }
  // Writes into the header whose votes these are; returns when it is on disk. Needed before the
  // first append(). INVALID_ARGUMENT if the text is longer than kMaxOwnerBytes.
  absl::Status claim(const std::string& owner);
  static constexpr std::size_t kMaxOwnerBytes = 460;

  // The votes that were found when the journal was opened; all of them are on disk.
  const std::vector<Entry>& recovered() const { return recovered_; }
  // Slots with a wrong checksum. Either the process died while it wrote the vote, which then was
  // never published, or the disk has damaged it. Their bytes stay in the file.
  std::size_t damaged() const { return damaged_.size(); }
  // Erases all recovered votes and all damaged slots; returns when that is on disk.
  absl::Status discard();

  // Writes the votes and returns when they are on disk. RESOURCE_EXHAUSTED beyond kMaxEntries.
  // After any other error nothing may be published: it is unknown what is on disk.
  absl::StatusOr<std::vector<Slot>> append(std::span<const std::string> votes);

  // Overwrites votes. Does not wait for the disk: a vote that is back after a power cut is
  // published again and gets the same answer.
  absl::Status erase(std::span<const Slot> slots);
  absl::Status erase(Slot slot) { return erase(std::span(&slot, 1)); }

  std::size_t size() const { return used_; }

 private:
  explicit Journal(std::unique_ptr<JournalFile> file) : file_(std::move(file)) {}
  absl::Status read(std::size_t records);
  absl::Status read_header(std::size_t records);
  absl::Status read_slots(std::size_t slots);
  void report_damage() const;
  absl::Status grow();
  std::vector<Slot> take_free(std::size_t count);

  std::unique_ptr<JournalFile> file_;
  std::string owner_;
  std::size_t slots_ = 0;  // in the file, without the header
  std::size_t used_ = 0;
  std::vector<Slot> free_;
  std::vector<Slot> damaged_;
  std::vector<Entry> recovered_;
};

}  // namespace pollbus::voting_machine
