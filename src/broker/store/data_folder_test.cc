#include "broker/store/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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
    write("db/CURRENT", "x");
    ASSERT_TRUE((*folder)->mark_made().ok());
  }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(path / file) << text;
  }

  static unsigned permissions(const std::filesystem::path& of) {
    return static_cast<unsigned>(std::filesystem::status(of).permissions());
  }

  pollbus::testing::TemporaryFolder temporary;
  const std::filesystem::path path = temporary / "data";
};

TEST_F(DataFolderTest, IsCreatedAndThenFound) {
  make();
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE((*folder)->is_new());
}

TEST_F(DataFolderTest, OnlyOneBrokerAtATimeCanUseIt) {
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok());
  const absl::Status second = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr(path.string() + " is in use by another"));
}

TEST_F(DataFolderTest, AFolderWithOtherContentIsRefusedAndNotChanged) {
  std::filesystem::create_directories(path);
  write("thesis.txt", "x");
  const absl::Status status = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("choose an empty or new folder"));
  EXPECT_FALSE(std::filesystem::exists(path / "lock"));
}

TEST_F(DataFolderTest, ANewerFormatIsRefused) {
  make();
  write("format", "pubsub-broker store 5\n");
  const absl::Status status = DataFolder::open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("its format is 5"));
}

TEST_F(DataFolderTest, AnInvalidFormatFileIsDamage) {
  make();
  for (const char* text : {"", "pubsub-broker store ", "pubsub-broker store x", "another 1"}) {
    write("format", text);
    EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status())) << text;
  }
  std::filesystem::remove(path / "format");
  EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status()));
}

TEST_F(DataFolderTest, AMissingDatabaseIsDamage) {
  make();
  std::filesystem::remove(path / "db" / "CURRENT");
  EXPECT_TRUE(absl::IsDataLoss(DataFolder::open(path).status()));
}

TEST_F(DataFolderTest, AnInterruptedFirstStartIsRepeated) {
  {
    const auto folder = DataFolder::open(path);
    ASSERT_TRUE(folder.ok());
  }
  write("db/half", "x");
  const auto folder = DataFolder::open(path);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE((*folder)->is_new());
  EXPECT_TRUE(std::filesystem::is_empty(path / "db"));
}

TEST_F(DataFolderTest, SaysWhyAFolderCannotBeCreated) {
  const absl::Status status = DataFolder::open("/proc/nowhere/data").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/nowhere/data"));
}

TEST_F(DataFolderTest, OnlyItsOwnerHasAccessWhateverTheUmask) {
  const mode_t before = umask(0);
  make();
  umask(before);
  EXPECT_EQ(permissions(path), 0700u);
  EXPECT_EQ(permissions(path / "db"), 0700u);
  for (const char* file : {"lock", "format"}) EXPECT_EQ(permissions(path / file), 0600u) << file;
}

TEST_F(DataFolderTest, AFolderThatOthersCanReadIsRepaired) {
  make();
  const auto loosen = [](const std::filesystem::path& what, unsigned mode) {
    std::filesystem::permissions(what, std::filesystem::perms(mode));
  };
  loosen(path / "db" / "CURRENT", 0644);
  loosen(path / "format", 0666);
  loosen(path / "db", 0755);
  loosen(path, 0755);
  ASSERT_TRUE(DataFolder::open(path).ok());
  EXPECT_EQ(permissions(path), 0700u);
  EXPECT_EQ(permissions(path / "db"), 0700u);
  EXPECT_EQ(permissions(path / "format"), 0600u);
  EXPECT_EQ(permissions(path / "db" / "CURRENT"), 0600u);
}

TEST_F(DataFolderTest, ALinkInTheFolderIsNotFollowed) {
  make();
  std::ofstream(temporary / "elsewhere") << "x";
  std::filesystem::permissions(temporary / "elsewhere", std::filesystem::perms(0644));
  std::filesystem::create_symlink(temporary / "elsewhere", path / "link");
  ASSERT_TRUE(DataFolder::open(path).ok());
  EXPECT_EQ(permissions(temporary / "elsewhere"), 0644u);
}

TEST_F(DataFolderTest, AMissingFolderIsCreatedWithItsParentsAndAFinalSlashDoesNotMatter) {
  ASSERT_TRUE(DataFolder::open(path / "deep" / "down" / "").ok());
  EXPECT_EQ(permissions(path / "deep" / "down"), 0700u);
}

}  // namespace
}  // namespace pollbus::broker
