#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/scores.h"

namespace pollbus::pedestrian {

// The folder of the views: <Timestamp>.png each, and views.csv with what came with them, one line a
// view. A view is saved when its line is on disk, which is after its picture is. One process at a
// time. Not thread-safe.
class ViewStore {
 public:
  // Makes the folder when it is missing. FAILED_PRECONDITION when another process has it or
  // views.csv is not ours; UNAVAILABLE when it cannot be used.
  static absl::StatusOr<std::unique_ptr<ViewStore>> open(const std::filesystem::path& folder);
  ~ViewStore();
  ViewStore(const ViewStore&) = delete;
  ViewStore& operator=(const ViewStore&) = delete;

  bool has(const std::string& timestamp) const { return known_.contains(timestamp); }
  absl::Status save(const View& view, std::string_view picture);
  // In the order in which they were saved, those of earlier processes too.
  const std::vector<View>& views() const { return views_; }

 private:
  ViewStore(std::filesystem::path folder, int fd) : folder_(std::move(folder)), fd_(fd) {}
  absl::Status load();

  const std::filesystem::path folder_;
  const int fd_;  // views.csv
  std::vector<View> views_;
  std::set<std::string> known_;
};

}  // namespace pollbus::pedestrian
