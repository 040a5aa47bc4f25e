#include "support/child_process.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

TEST(ChildProcessTest, ReturnsTheExitCodeAndLogsTheOutput) {
  const TemporaryFolder folder;
  ChildProcess child({"sh", "-c", "echo out; echo err >&2; exit 3"}, {}, folder / "log");
  EXPECT_EQ(child.wait(10s), 3);
  EXPECT_EQ(text_of(folder / "log"), "out\nerr\n");
}

TEST(ChildProcessTest, GetsItsEnvironmentInAdditionToThatOfTheParent) {
  const TemporaryFolder folder;
  ChildProcess child({"sh", "-c", "echo \"$HOME $PATH_OF_THE_TEST\""},
                     {{"HOME", "a"}, {"PATH_OF_THE_TEST", "b"}}, folder / "log");
  EXPECT_EQ(child.wait(10s), 0);
  EXPECT_EQ(text_of(folder / "log"), "a b\n");
}

TEST(ChildProcessTest, WaitReturnsNothingWhileItRuns) {
  const TemporaryFolder folder;
  ChildProcess child({"sleep", "60"}, {}, folder / "log");
  EXPECT_EQ(child.wait(20ms), std::nullopt);
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(10s), 128 + SIGTERM);
}

TEST(ChildProcessTest, AProgramThatDoesNotExistThrows) {
  const TemporaryFolder folder;
  EXPECT_THROW(ChildProcess({"/no/such/program"}, {}, folder / "log"), std::system_error);
}

TEST(ChildProcessTest, EndsWithItsObject) {
  const TemporaryFolder folder;
  pid_t pid = 0;
  {
    const ChildProcess child({"sleep", "60"}, {}, folder / "log");
    pid = child.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace pollbus::testing
