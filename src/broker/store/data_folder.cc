#include "broker/store/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <set>
#include <string>
#include <system_error>

#include "base/status.h"

namespace pollbus::broker {
namespace {

namespace fs = std::filesystem;

constexpr char kFormatFile[] = "format";
constexpr char kLockFile[] = "lock";
// There while the database is being made; what it stands beside may be thrown away.
constexpr char kMakingFile[] = "making";
constexpr std::string_view kFormatText = "pubsub-broker store ";

absl::Status unavailable(const fs::path& path, int error) {
  return absl::UnavailableError(
      fmt::format("{}: {}", path.string(), std::generic_category().message(error)));
}

absl::Status sync_folder(const fs::path& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return unavailable(path, errno);
  const bool is_synced = ::fsync(folder) == 0;
  const int error = errno;
  ::close(folder);
  return is_synced ? absl::OkStatus() : unavailable(path, error);
}

// Whole or not at all, whenever the power goes.
absl::Status write_file(const fs::path& path, std::string_view text) {
  const fs::path next = path.string() + ".next";
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (file < 0) return unavailable(next, errno);
  const bool is_written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!is_written) return unavailable(next, error);
  if (::rename(next.c_str(), path.c_str()) != 0) return unavailable(path, errno);
  return sync_folder(path.parent_path());
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
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return unavailable(path, error.value());
  auto folder = std::unique_ptr<DataFolder>(new DataFolder(fs::absolute(path)));
  // Before the lock leaves its file in a folder that is not ours.
  ASSIGN_OR_RETURN(const auto before, entries_of(path));
  if (!before.empty() && !before.contains(kLockFile)) {
    return absl::FailedPreconditionError(
        fmt::format("{} holds something else than the data of a pubsub-broker: give it a folder "
                    "of its own",
                    path.string()));
  }
  RETURN_IF_ERROR(folder->lock());
  RETURN_IF_ERROR(folder->check_format());
  return folder;
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

absl::Status DataFolder::lock() {
  const fs::path file = path_ / kLockFile;
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_ < 0) return unavailable(file, errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return unavailable(file, errno);
  return absl::FailedPreconditionError(
      fmt::format("{} is in use by another pubsub-broker", path_.string()));
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
  std::ifstream file(path_ / kFormatFile);
  std::string line;
  std::getline(file, line);
  int version = 0;
  const char* const end = line.data() + line.size();
  const char* const number = line.data() + std::min(line.size(), kFormatText.size());
  const auto [stop, error] = std::from_chars(number, end, version);
  if (!line.starts_with(kFormatText) || error != std::errc() || stop != end || version < 1) {
    return absl::DataLossError(fmt::format("{}: the file \"{}\" is not one of pubsub-broker",
                                           path_.string(), kFormatFile));
  }
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(
        fmt::format("{} was written by a newer pubsub-broker: its format is {}, and this program "
                    "knows formats up to {}",
                    path_.string(), version, kFormatVersion));
  }
  if (!fs::exists(database() / "CURRENT")) {
    return absl::DataLossError(fmt::format("{}: the database is not whole: {} is missing",
                                           path_.string(), (database() / "CURRENT").string()));
  }
  is_older_ = version < kFormatVersion;
  return absl::OkStatus();
}

// Nothing was ever acknowledged from here: a database that an earlier start could not finish is
// thrown away.
absl::Status DataFolder::start_anew() {
  is_new_ = true;
  RETURN_IF_ERROR(write_file(path_ / kMakingFile, ""));
  std::error_code error;
  fs::remove_all(database(), error);
  return error ? unavailable(database(), error.value()) : absl::OkStatus();
}

absl::Status DataFolder::mark_made() {
  RETURN_IF_ERROR(
      write_file(path_ / kFormatFile, fmt::format("{}{}\n", kFormatText, kFormatVersion)));
  is_new_ = false;
  is_older_ = false;
  std::error_code error;
  fs::remove(path_ / kMakingFile, error);  // means nothing beside a format
  return absl::OkStatus();
}

}  // namespace pollbus::broker
