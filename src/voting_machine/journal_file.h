#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus::voting_machine {

// The file under a journal: records of one size, addressed by position. A write survives a power
// cut only after sync(), and may be torn before. Errors are UNAVAILABLE and name the file. Not
// thread-safe.
class JournalFile {
 public:
  static constexpr std::size_t kRecordBytes = 512;
  using Record = std::array<unsigned char, kRecordBytes>;

  virtual ~JournalFile() = default;

  // The name that errors show.
  virtual const std::string& name() const = 0;
  // The number of whole records. A file that is shorter than one record but not empty counts as
  // one, which cannot be read.
  virtual absl::StatusOr<std::size_t> records() const = 0;
  virtual absl::Status read(std::size_t position, Record* record) const = 0;
  virtual absl::Status write(std::size_t position, const Record& record) = 0;
  // Writes records to consecutive positions, as write() would one after the other.
  virtual absl::Status write_all(std::size_t position, std::span<const Record> records);
  virtual absl::Status sync() = 0;
  // Extends the file to this many records, the new ones all zeros, and reserves their space on the
  // disk. Returns when that is on disk.
  virtual absl::Status grow(std::size_t records) = 0;
};

// Opens or creates a file that only its owner can read. FAILED_PRECONDITION if another process
// holds it, UNAVAILABLE if the file system fails.
absl::StatusOr<std::unique_ptr<JournalFile>> open_journal_file(const std::string& path);

}  // namespace pollbus::voting_machine
