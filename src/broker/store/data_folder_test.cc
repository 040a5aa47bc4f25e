#include "broker/store/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

using ::testing::HasSubstr;

class DataFolderTest : public ::testing::Test {
 protected:
  void make() {
    auto folder = DataFolder::open(path);
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_TRUE((*folder)->is_new());
    std::filesystem::create_directory((*folder)->database());
    write("db/CURRENT", "x");
    ASSERT_TRUE((*folder)->mark_made().ok());
  }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(path / file) << text;
  }

  pollbus::testing::TemporaryFolder temporary;
  const std::filesystem::path path = temporary / "data";
};

TEST_F(DataFolderTest, IsMadeAndFoundAgain) {
  make();
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE((*folder)->is_new());
}

TEST_F(DataFolderTest, IsForOneBrokerAtATime) {
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok());
  const absl::Status second = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr(path.string() + " is in use by another"));
}

TEST_F(DataFolderTest, AFolderOfSomethingElseIsLeftAlone) {
  std::filesystem::create_directories(path);
  write("thesis.txt", "x");
  const absl::Status status = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a folder of its own"));
  EXPECT_FALSE(std::filesystem::exists(path / "lock"));
}

TEST_F(DataFolderTest, ANewerFormatIsRefused) {
  make();
  write("format", "pubsub-broker store 3\n");
  const absl::Status status = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("its format is 3"));
}

TEST_F(DataFolderTest, AFormatThatIsNoneIsDamage) {
  make();
  for (const char* text : {"", "pubsub-broker store ", "pubsub-broker store x", "another 1"}) {
    write("format", text);
    EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status())) << text;
  }
  std::filesystem::remove(path / "format");
  EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status()));
}

TEST_F(DataFolderTest, ADatabaseThatIsGoneIsDamageAndNotANewOne) {
  make();
  std::filesystem::remove(path / "db" / "CURRENT");
  EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status()));
}

TEST_F(DataFolderTest, AStartThatWasCutShortBeginsAnew) {
  {
    const auto folder = DataFolder::open(path);
    ASSERT_TRUE(folder.ok());
    std::filesystem::create_directory((*folder)->database());
  }
  write("db/half", "x");
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE((*folder)->is_new());
  EXPECT_FALSE(std::filesystem::exists(path / "db"));
}

TEST_F(DataFolderTest, SaysWhyAFolderCannotBeMade) {
  const absl::Status status = DataFolder::open("/proc/nowhere/data").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/nowhere/data"));
}

}  // namespace
}  // namespace pollbus::broker
