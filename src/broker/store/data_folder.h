#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"

namespace pollbus::broker {

// The folder that a broker keeps its data in: made when it is missing, locked against every other
// process as long as this object lives, and checked for what it holds before anything is read.
// Layout: `format` (which version this is), `lock`, and `db`, which is RocksDB's.
class DataFolder {
 public:
  // Of the layout and everything in it (docs/broker-storage.md).
  static constexpr int kFormatVersion = 2;

  // FAILED_PRECONDITION: another process has it, it holds something else, or a newer version's
  // data. DATA_LOSS: what was there is not whole. UNAVAILABLE: it cannot be made or written.
  static absl::StatusOr<std::unique_ptr<DataFolder>> open(const std::filesystem::path& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "db"; }
  // No data was ever kept here.
  bool is_new() const { return is_new_; }
  // An older program has written it. What it holds can be read, and is of this version once a table
  // that it lacks has been made and mark_made() was called.
  bool is_older() const { return is_older_; }
  // The database has been made: from now on it must be there.
  absl::Status mark_made();

 private:
  explicit DataFolder(std::filesystem::path path) : path_(std::move(path)) {}
  absl::Status lock();
  absl::Status check_format();
  absl::Status start_anew();

  std::filesystem::path path_;
  int lock_ = -1;
  bool is_new_ = false;
  bool is_older_ = false;
};

}  // namespace pollbus::broker
