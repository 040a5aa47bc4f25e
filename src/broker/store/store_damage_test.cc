// How a store handles damaged or missing files and a full disk.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "broker/store/store_fixture.h"

namespace pollbus::broker {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class StoreDamageTest : public StoreTest {
 protected:
  std::filesystem::path newest(const std::string& extension) const {
    std::filesystem::path found;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "db")) {
      if (entry.path().extension() == extension && entry.path() > found) found = entry.path();
    }
    return found;
  }
  static void flip_byte(const std::filesystem::path& file, std::streamoff at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(at);
    const char byte = static_cast<char>(stream.get());
    stream.seekp(at);
    stream.put(static_cast<char>(~byte));
  }
};

TEST_F(StoreDamageTest, ALogWithATruncatedEndOpensWithAllEarlierRecords) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(1).ok());
    ASSERT_TRUE(process->publish(1).ok());
  }
  const auto log = newest(".log");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 3);
  auto process = open();
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_THAT((*process)->take(kAll), SizeIs(1));
}

TEST_F(StoreDamageTest, ADamagedLogIsRefusedAndNamed) {
  {
    auto process = first_process();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(process->publish(1).ok());
  }
  const auto log = newest(".log");
  flip_byte(log, static_cast<std::streamoff>(std::filesystem::file_size(log) / 2));
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder.string()));
}

TEST_F(StoreDamageTest, AMissingTableIsRefused) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(1).ok());
    ASSERT_TRUE(process->store->reopen().ok());  // the log becomes a table, and another log begins
    ASSERT_TRUE(process->publish(1).ok());
    ASSERT_TRUE(process->store->reopen().ok());
  }
  std::filesystem::remove(newest(".sst"));
  EXPECT_TRUE(absl::IsDataLoss(open().status()));
}

TEST_F(StoreDamageTest, AMissingLogIsRefused) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(1).ok());
  }
  std::filesystem::remove(newest(".log"));
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("log"));
}

TEST_F(StoreDamageTest, AMissingDatabaseIsRefused) {
  first_process();
  std::filesystem::remove_all(folder / "db");
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(StoreDamageTest, ADamagedTableIsRefused) {
  {
    auto process = first_process();
    ASSERT_TRUE(process->publish(3).ok());
    ASSERT_TRUE(process->store->reopen().ok());
  }
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "db")) {
    if (entry.path().extension() != ".sst") continue;
    flip_byte(entry.path(), 5);
    ++refused;
  }
  ASSERT_GT(refused, 0);
  EXPECT_TRUE(absl::IsDataLoss(open().status()));
}

TEST_F(StoreDamageTest, AfterAFullDiskTheStoreWorksAgainWhenThereIsRoom) {
  auto process = first_process();
  ASSERT_TRUE(process->publish(1).ok());
  disk.is_full = true;
  const Publication failed = process->route(1);
  const Publication* const written = &failed;
  EXPECT_TRUE(absl::IsUnavailable(process->store->write({}, std::span(&written, 1), 102)));
  EXPECT_TRUE(absl::IsUnavailable(process->store->write({}, {}, 102)));
  EXPECT_FALSE(process->store->reopen().ok());
  EXPECT_FALSE(process->store->load(100).ok());
  disk.is_full = false;
  ASSERT_TRUE(process->store->reopen().ok());
  std::vector<Change> taken_back;
  append_removal(failed, &taken_back);
  ASSERT_TRUE(process->store->write(taken_back, {}, 102).ok());
  EXPECT_TRUE(process->store->load(100).ok());
  EXPECT_TRUE(absl::IsNotFound(process->store->load(101).status()));
  ASSERT_TRUE(process->publish(1).ok());
  process.reset();
  process = *open();
  EXPECT_THAT(process->take(kAll), SizeIs(2));
}

TEST_F(StoreDamageTest, OnlyOneStoreAtATimeCanUseAFolder) {
  const auto process = first_process();
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder.string()));
}

}  // namespace
}  // namespace pollbus::broker
