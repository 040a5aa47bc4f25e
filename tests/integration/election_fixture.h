#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "integration/election_system.h"
#include "integration/invariants.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {

// A test of a whole election. When it ends, every service that still runs must end by SIGTERM with
// exit code 0 within its 10 s, and no log may hold a sanitizer's report, a key or a password.
class ElectionTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::seconds kStopLimit{10};

  ElectionSystem& begin(SystemPlan plan = {});
  void TearDown() override;

  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ElectionSystem> system_;
};

// The *.log files of a folder, by name.
std::map<std::string, std::string> logs_in(const std::filesystem::path& folder);

// Each of `words` found in one of the texts is a failure that does not repeat the word.
void expect_nowhere(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& texts);

}  // namespace pollbus::testing
