#include "integration/election_fixture.h"

#include <fstream>
#include <sstream>

namespace pollbus::testing {
namespace {

const std::vector<std::string> kSanitizerReports{"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                                                 "WARNING: ThreadSanitizer",
                                                 "FATAL: ThreadSanitizer", "runtime error:"};

}  // namespace

ElectionSystem& ElectionTest::begin(const SystemPlan& plan) {
  system_ = std::make_unique<ElectionSystem>(folder_.path(), plan);
  return *system_;
}

void ElectionTest::TearDown() {
  if (system_ == nullptr) return;
  for (const auto& [name, code] : system_->stop_services(kStopLimit)) {
    EXPECT_EQ(code, 0) << name << " was stopped";
  }
  if (system_->broker.is_running()) {
    EXPECT_EQ(system_->broker.stop(), 0);
  }
  const auto logs = logs_in(folder_.path());
  expect_nowhere(system_->secrets(), logs);
  for (const auto& [name, text] : logs) {
    for (const std::string& report : kSanitizerReports) {
      const auto found = text.find(report);
      EXPECT_EQ(found, text.npos) << name << ": " << text.substr(found);
    }
  }
}

std::map<std::string, std::string> logs_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> logs;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".log") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    logs[entry.path().filename()] = text.str();
  }
  return logs;
}

void expect_nowhere(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& texts) {
  for (const auto& [name, text] : texts) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const auto found = text.find(words[i]);
      if (found == text.npos) continue;
      const auto line = text.rfind('\n', found) + 1;
      ADD_FAILURE() << name << " holds word " << i << " after: " << text.substr(line, found - line);
    }
  }
}

}  // namespace pollbus::testing
