#include "broker/store/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>
#include <string>
#include <system_error>

#include "base/files.h"
#include "base/logging.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

namespace fs = std::filesystem;

constexpr char kFormatFile[] = "format";
constexpr char kLockFile[] = "lock";
// Exists while the database is being created. Without a format file next to it, the database may be
// thrown away.
constexpr char kMakingFile[] = "making";
constexpr std::string_view kFormatText = "pubsub-broker store ";
constexpr std::size_t kMaxFormatBytes = 100;
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;
constexpr fs::perms kFolderPermissions = fs::perms::owner_all;
constexpr fs::perms kFilePermissions = fs::perms::owner_read | fs::perms::owner_write;
constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;

absl::Status unavailable(const fs::path& path, int error) {
  return absl::UnavailableError(
      fmt::format("{}: {}", path.string(), std::generic_category().message(error)));
}

// Creates the folder and the missing ones above it. mkdir() applies the umask, so the folder cannot
// be accessible to others even for a moment.
absl::Status make_folder(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) return unavailable(path, error.value());
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return sync_parent_folder(path);
  return errno == EEXIST ? absl::OkStatus() : unavailable(path, errno);
}

// Sets the permissions if others have any. Returns whether that was necessary.
absl::StatusOr<bool> take_from_others(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (error) return unavailable(path, error.value());
  const bool is_folder = fs::is_directory(status);
  if (!is_folder && !fs::is_regular_file(status)) return false;
  if ((status.permissions() & kOthers) == fs::perms::none) return false;
  fs::permissions(path, is_folder ? kFolderPermissions : kFilePermissions, error);
  if (error == std::errc::operation_not_permitted) {
    // The root of a mounted volume often belongs to somebody else.
    log_warning("other users have access to the broker's data, and its owner is another user",
                {{"path", path.string()}});
    return false;
  }
  if (error) return unavailable(path, error.value());
  return true;
}

absl::StatusOr<std::set<std::string>> entries_of(const fs::path& path) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    names.insert(at->path().filename().string());
  }
  if (error) return unavailable(path, error.value());
  return names;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::open(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  // A path that ends with a slash has an empty last part.
  const fs::path whole = absolute.has_filename() ? absolute : absolute.parent_path();
  RETURN_IF_ERROR(make_folder(whole));
  auto folder = std::unique_ptr<DataFolder>(new DataFolder(whole));
  // Checked first, so that the lock file is not created in somebody else's folder.
  ASSIGN_OR_RETURN(const auto before, entries_of(whole));
  if (!before.empty() && !before.contains(kLockFile)) {
    return absl::FailedPreconditionError(fmt::format(
        "{} holds something other than the data of a pubsub-broker; choose an empty or new folder",
        whole.string()));
  }
  RETURN_IF_ERROR(folder->lock());
  RETURN_IF_ERROR(folder->make_private());
  RETURN_IF_ERROR(folder->check_format());
  return folder;
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

absl::Status DataFolder::lock() {
  const fs::path file = path_ / kLockFile;
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (lock_ < 0) return unavailable(file, errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return unavailable(file, errno);
  return absl::FailedPreconditionError(
      fmt::format("{} is in use by another pubsub-broker", path_.string()));
}

// Older versions of the broker left the permissions to the umask.
absl::Status DataFolder::make_private() const {
  ASSIGN_OR_RETURN(bool is_repaired, take_from_others(path_));
  std::error_code error;
  for (fs::recursive_directory_iterator at(path_, error), end; !error && at != end;
       at.increment(error)) {
    ASSIGN_OR_RETURN(const bool is_changed, take_from_others(at->path()));
    is_repaired |= is_changed;
  }
  if (error) return unavailable(path_, error.value());
  if (is_repaired) {
    log_warning("other users had access to the data folder; now only its owner has",
                {{"folder", path_.string()}});
  }
  return absl::OkStatus();
}

absl::Status DataFolder::check_format() {
  ASSIGN_OR_RETURN(const auto entries, entries_of(path_));
  if (!entries.contains(kFormatFile)) {
    if (entries.contains("db") && !entries.contains(kMakingFile)) {
      return absl::DataLossError(fmt::format("{}: the file \"{}\" is missing beside the database",
                                             path_.string(), kFormatFile));
    }
    return start_anew();
  }
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(path_ / kFormatFile, kMaxFormatBytes));
  const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
  int version = 0;
  const char* const end = line.data() + line.size();
  const char* const number = line.data() + std::min(line.size(), kFormatText.size());
  const auto [stop, error] = std::from_chars(number, end, version);
  if (!line.starts_with(kFormatText) || error != std::errc() || stop != end || version < 1) {
    return absl::DataLossError(fmt::format("{}: the file \"{}\" was not written by a pubsub-broker",
                                           path_.string(), kFormatFile));
  }
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(
        fmt::format("{} was written by a newer pubsub-broker: its format is {}, but this program "
                    "knows only formats up to {}",
                    path_.string(), version, kFormatVersion));
  }
  if (!fs::exists(database() / "CURRENT")) {
    return absl::DataLossError(fmt::format("{}: the database is incomplete: {} is missing",
                                           path_.string(), (database() / "CURRENT").string()));
  }
  is_older_ = version < kFormatVersion;
  return absl::OkStatus();
}

// Nothing in this folder was ever acknowledged to a client, so the database of an earlier start
// that did not complete is thrown away.
absl::Status DataFolder::start_anew() {
  is_new_ = true;
  RETURN_IF_ERROR(write_whole_file(path_ / kMakingFile, "", kFileMode));
  std::error_code error;
  fs::remove_all(database(), error);
  if (error) return unavailable(database(), error.value());
  // RocksDB logs an error about a folder that does not exist yet.
  return make_folder(database());
}

absl::Status DataFolder::mark_made() {
  RETURN_IF_ERROR(write_whole_file(path_ / kFormatFile,
                                   fmt::format("{}{}\n", kFormatText, kFormatVersion), kFileMode));
  is_new_ = false;
  is_older_ = false;
  std::error_code error;
  fs::remove(path_ / kMakingFile, error);  // it has no meaning next to a format file
  return absl::OkStatus();
}

}  // namespace pollbus::broker
