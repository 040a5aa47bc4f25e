#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus::voting_machine {

// The bytes under a journal: records of one size, by position. A write is lasting after a sync()
// only, and may be torn before it. Errors are UNAVAILABLE and name the file. Not thread-safe.
class JournalFile {
 public:
  static constexpr std::size_t kRecordBytes = 512;
  using Record = std::array<unsigned char, kRecordBytes>;

  virtual ~JournalFile() = default;

  // As errors name it.
  virtual const std::string& name() const = 0;
  // Whole ones; a file that is shorter than one, but not empty, has one that cannot be read.
  virtual absl::StatusOr<std::size_t> records() const = 0;
  virtual absl::Status read(std::size_t position, Record* record) const = 0;
  virtual absl::Status write(std::size_t position, const Record& record) = 0;
  virtual absl::Status sync() = 0;
  // Makes it so many records long, new ones all zeros, lastingly, with their place on the disk.
  virtual absl::Status grow(std::size_t records) = 0;
};

// Opens or creates it, readable by its owner only. FAILED_PRECONDITION when another process holds
// it, UNAVAILABLE when the file system refuses.
absl::StatusOr<std::unique_ptr<JournalFile>> open_journal_file(const std::string& path);

}  // namespace pollbus::voting_machine
