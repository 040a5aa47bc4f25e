#include "pedestrian/view_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/status.h"
#include "pedestrian/files.h"
#include "pedestrian/texts.h"

namespace pollbus::pedestrian {
namespace {

constexpr char kName[] = "views.csv";
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
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(fmt::format("{}: {}", folder.string(), error.message()));
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
  std::ifstream stream(folder_ / kName);
  std::stringstream content;
  content << stream.rdbuf();
  std::string text = std::move(content).str();
  // A line that a crash has cut off is of a view that was never acked: it will come again.
  text.resize(text.find_last_of('\n') + 1);
  if (::ftruncate(fd_, static_cast<off_t>(text.size())) != 0)
    return absl::UnavailableError(fmt::format("{}: cannot be written", kName));
  if (text.empty()) return write_to_disk(fd_, kHeading, kName);
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

absl::Status ViewStore::save(const View& view, std::string_view picture) {
  RETURN_IF_ERROR(write_whole_file(folder_ / (view.timestamp + ".png"), picture));
  RETURN_IF_ERROR(write_to_disk(fd_, line_of(view), kName));
  known_.insert(view.timestamp);
  views_.push_back(view);
  return absl::OkStatus();
}

}  // namespace pollbus::pedestrian
