#include "voting_machine/journal_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/files.h"
#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

absl::Status system_error(const std::string& path, const char* what) {
  return absl::UnavailableError(
      fmt::format("journal {}: {}: {}", path, what, std::system_category().message(errno)));
}

// A system call writes at most this much, so that one that writes less is an error.
constexpr std::size_t kMaxRecordsPerWrite = 1'024;

class PosixJournalFile final : public JournalFile {
 public:
  PosixJournalFile(int file, std::string path) : file_(file), path_(std::move(path)) {}
  ~PosixJournalFile() override { close(file_); }
  PosixJournalFile(const PosixJournalFile&) = delete;
  PosixJournalFile& operator=(const PosixJournalFile&) = delete;

  const std::string& name() const override { return path_; }

  absl::StatusOr<std::size_t> records() const override {
    struct stat info {};
    if (fstat(file_, &info) != 0) return system_error(path_, "cannot stat");
    const auto bytes = static_cast<std::size_t>(info.st_size);
    return bytes > 0 && bytes < kRecordBytes ? 1 : bytes / kRecordBytes;
  }

  absl::Status read(std::size_t position, Record* record) const override {
    const auto offset = static_cast<off_t>(position * kRecordBytes);
    if (pread(file_, record->data(), kRecordBytes, offset) == ssize_t{kRecordBytes})
      return absl::OkStatus();
    return system_error(path_, "cannot read");
  }

  absl::Status write(std::size_t position, const Record& record) override {
    const auto offset = static_cast<off_t>(position * kRecordBytes);
    if (pwrite(file_, record.data(), kRecordBytes, offset) == ssize_t{kRecordBytes})
      return absl::OkStatus();
    return system_error(path_, "cannot write");
  }

  absl::Status write_all(std::size_t position, std::span<const Record> records) override {
    while (!records.empty()) {
      const auto part = records.first(std::min(records.size(), kMaxRecordsPerWrite));
      const auto offset = static_cast<off_t>(position * kRecordBytes);
      if (pwrite(file_, part.data(), part.size_bytes(), offset) !=
          static_cast<ssize_t>(part.size_bytes())) {
        return system_error(path_, "cannot write");
      }
      position += part.size();
      records = records.subspan(part.size());
    }
    return absl::OkStatus();
  }

  absl::Status sync() override {
    return fdatasync(file_) == 0 ? absl::OkStatus() : system_error(path_, "cannot sync");
  }

  absl::Status grow(std::size_t records) override {
    // Space is reserved here, so that writing a vote later cannot fail because the disk is full.
    if (const int error = posix_fallocate(file_, 0, static_cast<off_t>(records * kRecordBytes));
        error != 0) {
      errno = error;
      return system_error(path_, "cannot grow");
    }
    return fsync(file_) == 0 ? absl::OkStatus() : system_error(path_, "cannot grow");
  }

 private:
  const int file_;
  const std::string path_;
};

}  // namespace

absl::Status JournalFile::write_all(std::size_t position, std::span<const Record> records) {
  for (const Record& record : records) RETURN_IF_ERROR(write(position++, record));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<JournalFile>> open_journal_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return system_error(path, "cannot open");
  auto opened = std::make_unique<PosixJournalFile>(file, path);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("journal {}: another process uses it. Is this machine running already?", path));
  }
  RETURN_IF_ERROR(sync_parent_folder(path));
  return opened;
}

}  // namespace pollbus::voting_machine
