#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"

namespace pollbus::broker {

// The folder in which a broker keeps its data. Creates it when it is missing, locks it against
// other processes for the lifetime of this object, and checks its content before anything is read.
// The folder and its files can be accessed by their owner only, because messages may hold votes;
// files that are created in it later need the process's umask for that.
class DataFolder {
 public:
  // The version of the layout and of all records (docs/broker-storage.md).
  static constexpr int kFormatVersion = 4;

  // FAILED_PRECONDITION: another process uses the folder, or it holds something else or the data of
  // a newer version. DATA_LOSS: a part is missing. UNAVAILABLE: it cannot be created or written.
  static absl::StatusOr<std::unique_ptr<DataFolder>> open(const std::filesystem::path& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "db"; }
  // Whether the folder never held data.
  bool is_new() const { return is_new_; }
  // Whether an older version wrote the data. Missing tables have to be created, then mark_made()
  // makes the folder one of this version.
  bool is_older() const { return is_older_; }
  // Records that the database exists and has all tables; it must be there from now on.
  absl::Status mark_made();

 private:
  explicit DataFolder(std::filesystem::path path) : path_(std::move(path)) {}
  absl::Status lock();
  absl::Status make_private() const;
  absl::Status check_format();
  absl::Status start_anew();

  std::filesystem::path path_;
  int lock_ = -1;
  bool is_new_ = false;
  bool is_older_ = false;
};

}  // namespace pollbus::broker
