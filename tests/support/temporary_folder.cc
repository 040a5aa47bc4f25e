#include "support/temporary_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>

namespace pollbus::testing {
namespace {

std::string test_name() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = info ? fmt::format("{}.{}", info->test_suite_name(), info->name()) : "shared";
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return name;
}

// Failures include those of the suite's set-up, and an exception that GoogleTest has not seen yet.
bool test_failed() {
  return std::uncaught_exceptions() > 0 || ::testing::UnitTest::GetInstance()->Failed();
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::filesystem::create_directories(POLLBUS_TEST_DATA);
  std::string pattern = fmt::format("{}/{}.XXXXXX", POLLBUS_TEST_DATA, test_name());
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), pattern);
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  if (test_failed()) {
    std::cerr << "The test's files are kept in " << path_ << '\n';
    return;
  }
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) std::cerr << "cannot remove " << path_ << ": " << error.message() << '\n';
}

}  // namespace pollbus::testing
