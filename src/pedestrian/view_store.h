#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/presenter.h"
#include "pedestrian/scores.h"

namespace pollbus::pedestrian {

// The folder of the views. It holds <Timestamp>.png, sheets/<Timestamp>.png where a sheet was made,
// and views.csv with one line per view. A view counts as saved once its line is on disk, which is
// after its pictures are. One process at a time. Not thread-safe.
class ViewStore {
 public:
  // Creates the folder when it is missing. FAILED_PRECONDITION when another process uses it or when
  // its views.csv was not written by this class; UNAVAILABLE when it cannot be read or written.
  static absl::StatusOr<std::unique_ptr<ViewStore>> open(const std::filesystem::path& folder);
  ~ViewStore();
  ViewStore(const ViewStore&) = delete;
  ViewStore& operator=(const ViewStore&) = delete;

  bool has(const std::string& timestamp) const { return known_.contains(timestamp); }
  absl::Status save(const View& view, const Pictures& pictures);
  // In the order in which they were saved, including those that earlier processes saved.
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
