#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/status.h"

namespace pollbus {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

absl::Status file_error(const fs::path& file, std::string_view what, int error) {
  const auto code = error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable;
  return {code,
          fmt::format("{}: {}: {}", file.string(), what, std::generic_category().message(error))};
}

absl::Status write_error(const fs::path& file, std::string_view what, int error) {
  return absl::UnavailableError(file_error(file, what, error).message());
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  const int fd_;
};

// Returns the number of bytes read, 0 at the end of the file, or a negative number with errno set.
ssize_t read_some(int fd, char* to, std::size_t bytes) {
  ssize_t got = 0;
  do {
    got = ::read(fd, to, bytes);
  } while (got < 0 && errno == EINTR);
  return got;
}

absl::Status write_new_file(const fs::path& file, std::string_view bytes, mode_t mode) {
  const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.is_open()) return write_error(file, "cannot open", errno);
  // An existing file keeps its mode, and the umask may have removed bits from a new one.
  if (::fchmod(fd.get(), mode) != 0) return write_error(file, "cannot set its mode", errno);
  return write_and_sync(fd.get(), bytes, file);
}

}  // namespace

absl::StatusOr<std::string> read_whole_file(const fs::path& file, std::size_t max_bytes) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return file_error(file, "cannot open", errno);
  std::string bytes;
  while (true) {
    const std::size_t before = bytes.size();
    bytes.resize(before + kReadBytes);
    const ssize_t got = read_some(fd.get(), bytes.data() + before, kReadBytes);
    if (got < 0) return file_error(file, "cannot read", errno);
    bytes.resize(before + static_cast<std::size_t>(got));
    if (bytes.size() > max_bytes) {
      return absl::OutOfRangeError(
          fmt::format("{}: is larger than the limit of {} bytes", file.string(), max_bytes));
    }
    if (got == 0) return bytes;
  }
}

absl::Status write_whole_file(const fs::path& file, std::string_view bytes, mode_t mode) {
  const fs::path draft = file.string() + ".new";
  RETURN_IF_ERROR(write_new_file(draft, bytes, mode));
  if (::rename(draft.c_str(), file.c_str()) != 0) {
    return write_error(file, "cannot replace it", errno);
  }
  return sync_parent_folder(file);
}

absl::Status write_and_sync(int fd, std::string_view bytes, const fs::path& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return write_error(name, "cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 ? absl::OkStatus() : write_error(name, "cannot sync", errno);
}

absl::Status sync_parent_folder(const fs::path& path) {
  const fs::path parent = path.parent_path();
  const fs::path folder = parent.empty() ? "." : parent;
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return write_error(folder, "cannot open", errno);
  return ::fsync(fd.get()) == 0 ? absl::OkStatus() : write_error(folder, "cannot sync", errno);
}

}  // namespace pollbus
