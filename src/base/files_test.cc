#include "base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;

class FilesTest : public ::testing::Test {
 protected:
  static mode_t mode_of(const std::filesystem::path& file) {
    struct stat info {};
    EXPECT_EQ(stat(file.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  testing::TemporaryFolder folder;
  const std::filesystem::path file = folder / "file";
};

TEST_F(FilesTest, WhatWasWrittenIsRead) {
  const std::string bytes = std::string("two\0halves", 10) + std::string(200'000, 'x');
  ASSERT_TRUE(write_whole_file(file, bytes, 0600).ok());
  const auto read = read_whole_file(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, bytes);
}

TEST_F(FilesTest, AnEmptyFileIsReadAsAnEmptyText) {
  ASSERT_TRUE(write_whole_file(file, "", 0600).ok());
  const auto read = read_whole_file(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "");
}

TEST_F(FilesTest, AMissingFileIsNotFoundAndIsNamed) {
  const auto status = read_whole_file(file).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(file.string()));
}

TEST_F(FilesTest, AFolderCannotBeReadAsAFile) {
  EXPECT_TRUE(absl::IsUnavailable(read_whole_file(folder / ".").status()));
}

TEST_F(FilesTest, AFileAboveTheLimitIsRefusedAndOneAtTheLimitIsRead) {
  ASSERT_TRUE(write_whole_file(file, "12345", 0600).ok());
  EXPECT_TRUE(read_whole_file(file, 5).ok());
  const auto status = read_whole_file(file, 4).status();
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
}

TEST_F(FilesTest, AnEndlessFileIsRefusedAtTheLimit) {
  EXPECT_TRUE(absl::IsOutOfRange(read_whole_file("/dev/zero", 1'000'000).status()));
}

TEST_F(FilesTest, AWrittenFileHasItsModeWhateverTheUmask) {
  const mode_t before = umask(0777);
  const absl::Status status = write_whole_file(file, "x", 0640);
  umask(before);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(mode_of(file), 0640u);
}

TEST_F(FilesTest, AReplacedFileGetsTheNewMode) {
  ASSERT_TRUE(write_whole_file(file, "x", 0644).ok());
  ASSERT_TRUE(write_whole_file(file, "y", 0600).ok());
  EXPECT_EQ(mode_of(file), 0600u);
}

TEST_F(FilesTest, ReplacingAFileLeavesNoTemporaryFile) {
  ASSERT_TRUE(write_whole_file(file, "x", 0600).ok());
  ASSERT_TRUE(write_whole_file(file, "y", 0600).ok());
  const std::filesystem::directory_iterator entries(folder / ".");
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST_F(FilesTest, ALeftoverTemporaryFileIsReplaced) {
  std::ofstream(file.string() + ".new") << "of a process that was killed";
  ASSERT_TRUE(write_whole_file(file, "x", 0600).ok());
  EXPECT_EQ(*read_whole_file(file), "x");
}

TEST_F(FilesTest, AWriteThatFailsLeavesTheOldContent) {
  ASSERT_TRUE(write_whole_file(file, "old", 0600).ok());
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status status = write_whole_file(file, std::string(2'000, 'x'), 0600);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(*read_whole_file(file), "old");
}

TEST_F(FilesTest, AFileInAMissingFolderCannotBeWritten) {
  const auto status = write_whole_file(folder / "missing" / "file", "x", 0600);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot open"));
}

TEST_F(FilesTest, WritingToAnOpenFileAppendsAtItsPosition) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_TRUE(write_and_sync(fd, "one", file).ok());
  EXPECT_TRUE(write_and_sync(fd, "two", file).ok());
  ::close(fd);
  EXPECT_EQ(*read_whole_file(file), "onetwo");
}

TEST_F(FilesTest, WritingToAClosedDescriptorFails) {
  EXPECT_TRUE(absl::IsUnavailable(write_and_sync(-1, "x", file)));
}

TEST_F(FilesTest, TheFolderOfANameWithoutFolderIsTheCurrentOne) {
  EXPECT_TRUE(sync_parent_folder("file").ok());
}

TEST_F(FilesTest, AMissingFolderCannotBeSynced) {
  EXPECT_TRUE(absl::IsUnavailable(sync_parent_folder(folder / "missing" / "file")));
}

}  // namespace
}  // namespace pollbus
