#include "pedestrian/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/status.h"

namespace pollbus::pedestrian {
namespace {

constexpr mode_t kMode = 0644;

absl::Status system_error(const std::filesystem::path& file, const char* what) {
  return absl::UnavailableError(
      fmt::format("{}: {}: {}", file.string(), what, std::system_category().message(errno)));
}

absl::Status sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(folder, "cannot open");
  const int failed = ::fsync(fd);
  ::close(fd);
  return failed == 0 ? absl::OkStatus() : system_error(folder, "cannot sync");
}

}  // namespace

std::optional<std::string> read_whole_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream bytes;
  bytes << stream.rdbuf();
  if (!stream) return std::nullopt;
  return std::move(bytes).str();
}

absl::Status write_to_disk(int fd, std::string_view bytes, const std::filesystem::path& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(name, "cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 ? absl::OkStatus() : system_error(name, "cannot sync");
}

absl::Status write_whole_file(const std::filesystem::path& file, std::string_view bytes) {
  const std::filesystem::path draft = file.string() + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) return system_error(draft, "cannot open");
  const absl::Status written = write_to_disk(fd, bytes, draft);
  ::close(fd);
  RETURN_IF_ERROR(written);
  if (::rename(draft.c_str(), file.c_str()) != 0) return system_error(file, "cannot rename to it");
  const auto folder = file.parent_path();
  return sync_folder(folder.empty() ? "." : folder);
}

}  // namespace pollbus::pedestrian
