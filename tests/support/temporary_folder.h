#pragma once

#include <filesystem>
#include <string>

namespace pollbus::testing {

// A folder for the running test, below the build folder. It is removed with this object, unless the
// test has failed: then it stays, and its name is printed.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace pollbus::testing
