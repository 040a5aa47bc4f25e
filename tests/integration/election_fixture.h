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

// A test of a whole election. At its end, every service that still runs must exit with code 0
// within 10 s of SIGTERM, and no log may contain a sanitizer report, a key or a password.
class ElectionTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::seconds kStopLimit{10};

  ElectionSystem& begin(const SystemPlan& plan = {});
  void TearDown() override;

  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ElectionSystem> system_;
};

// Returns the contents of the *.log files of a folder, by name.
std::map<std::string, std::string> logs_in(const std::filesystem::path& folder);

// Fails if one of `words` occurs in one of the texts. The failure does not repeat the word.
void expect_nowhere(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& texts);

}  // namespace pollbus::testing
