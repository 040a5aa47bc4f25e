#include "pedestrian/view_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "base/files.h"
#include "base/status.h"
#include "pedestrian/texts.h"

namespace pollbus::pedestrian {
namespace {

constexpr char kName[] = "views.csv";
constexpr char kSheets[] = "sheets";
constexpr char kHeading[] =
    "Timestamp,Car1_Location_X,Car1_Location_Y,pedestrian_Location_X,pedestrian_Location_Y,"
    "latency_ms\n";
constexpr std::size_t kColumns = 6;
constexpr mode_t kMode = 0644;

std::string cells(const std::optional<Point>& place) {
  return place ? fmt::format("{},{}", place->x, place->y) : ",";
}

std::string line_of(const View& view) {
  return fmt::format("{},{},{},{}\n", view.timestamp, cells(view.car1), cells(view.pedestrian),
                     view.latency_ms ? fmt::format("{:.0f}", *view.latency_ms) : "");
}

// Reads through the descriptor that is also written to. Opening the file a second time could fail,
// and the empty result would look like a new file.
absl::StatusOr<std::string> read_all(int fd) {
  std::string text;
  std::array<char, 65'536> part;
  while (true) {
    const ssize_t count = ::pread(fd, part.data(), part.size(), static_cast<off_t>(text.size()));
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return absl::UnavailableError(
          fmt::format("{}: cannot read: {}", kName, std::system_category().message(errno)));
    text.append(part.data(), static_cast<std::size_t>(count));
  }
}

absl::Status make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("{}: {}", folder.string(), error.message()));
}

absl::StatusOr<View> view_of(std::string_view line) {
  const auto cell = split(line, ',');
  if (cell.size() != kColumns || cell[0].empty())
    return absl::FailedPreconditionError(
        fmt::format("{}: is not what this program writes; choose another folder", kName));
  View view{.timestamp = std::string(cell[0]),
            .car1 = to_point(cell[1], cell[2]),
            .pedestrian = to_point(cell[3], cell[4]),
            .latency_ms = to_number(cell[5])};
  return view;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ViewStore>> ViewStore::open(const std::filesystem::path& folder) {
  RETURN_IF_ERROR(make_folder(folder));
  const auto file = folder / kName;
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (fd < 0)
    return absl::UnavailableError(
        fmt::format("{}: {}", file.string(), std::system_category().message(errno)));
  std::unique_ptr<ViewStore> store(new ViewStore(folder, fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
    return absl::FailedPreconditionError(
        fmt::format("{}: another process writes its views there", folder.string()));
  RETURN_IF_ERROR(store->load());
  return store;
}

ViewStore::~ViewStore() { ::close(fd_); }

absl::Status ViewStore::load() {
  ASSIGN_OR_RETURN(std::string text, read_all(fd_));
  // A crash may have cut off the last line. Its view was not acked and will be delivered again.
  text.resize(text.find_last_of('\n') + 1);
  if (::ftruncate(fd_, static_cast<off_t>(text.size())) != 0)
    return absl::UnavailableError(fmt::format("{}: cannot be written", kName));
  if (text.empty()) return write_and_sync(fd_, kHeading, kName);
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  if (line + "\n" != kHeading) return view_of("").status();
  while (std::getline(lines, line)) {
    ASSIGN_OR_RETURN(auto view, view_of(line));
    if (known_.insert(view.timestamp).second) views_.push_back(std::move(view));
  }
  return absl::OkStatus();
}

absl::Status ViewStore::save(const View& view, const Pictures& pictures) {
  const std::string name = view.timestamp + ".png";
  if (pictures.sheet) {
    const auto sheets = folder_ / kSheets;
    RETURN_IF_ERROR(make_folder(sheets));
    RETURN_IF_ERROR(write_whole_file(sheets / name, *pictures.sheet, kMode));
  }
  RETURN_IF_ERROR(write_whole_file(folder_ / name, pictures.view, kMode));
  RETURN_IF_ERROR(write_and_sync(fd_, line_of(view), kName));
  known_.insert(view.timestamp);
  views_.push_back(view);
  return absl::OkStatus();
}

}  // namespace pollbus::pedestrian
