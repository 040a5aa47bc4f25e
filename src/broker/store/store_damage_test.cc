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
    auto life = first_life();
    ASSERT_TRUE(life->publish(1).ok());
    ASSERT_TRUE(life->publish(1).ok());
  }
  const auto log = newest(".log");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 3);
  auto life = open();
  ASSERT_TRUE(life.ok()) << life.status();
  EXPECT_THAT((*life)->take(kAll), SizeIs(1));
}

TEST_F(StoreDamageTest, ADamagedLogIsRefusedAndNamed) {
  {
    auto life = first_life();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(life->publish(1).ok());
  }
  const auto log = newest(".log");
  flip_byte(log, static_cast<std::streamoff>(std::filesystem::file_size(log) / 2));
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder.string()));
}

TEST_F(StoreDamageTest, AMissingTableIsRefused) {
  {
    auto life = first_life();
    ASSERT_TRUE(life->publish(1).ok());
    ASSERT_TRUE(life->store->reopen().ok());  // the log becomes a table, and another log begins
    ASSERT_TRUE(life->publish(1).ok());
    ASSERT_TRUE(life->store->reopen().ok());
  }
  std::filesystem::remove(newest(".sst"));
  EXPECT_TRUE(absl::IsDataLoss(open().status()));
}

TEST_F(StoreDamageTest, AMissingLogIsRefused) {
  {
    auto life = first_life();
    ASSERT_TRUE(life->publish(1).ok());
  }
  std::filesystem::remove(newest(".log"));
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("log"));
}

TEST_F(StoreDamageTest, AMissingDatabaseIsRefused) {
  first_life();
  std::filesystem::remove_all(folder / "db");
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(StoreDamageTest, ADamagedTableIsRefused) {
  {
    auto life = first_life();
    ASSERT_TRUE(life->publish(3).ok());
    ASSERT_TRUE(life->store->reopen().ok());
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
  auto life = first_life();
  ASSERT_TRUE(life->publish(1).ok());
  disk.is_full = true;
  const Publication failed = life->route(1);
  const Publication* const written = &failed;
  EXPECT_TRUE(absl::IsUnavailable(life->store->write({}, std::span(&written, 1), 102)));
  EXPECT_TRUE(absl::IsUnavailable(life->store->write({}, {}, 102)));
  EXPECT_FALSE(life->store->reopen().ok());
  EXPECT_FALSE(life->store->load(100).ok());
  disk.is_full = false;
  ASSERT_TRUE(life->store->reopen().ok());
  std::vector<Change> taken_back;
  append_removal(failed, &taken_back);
  ASSERT_TRUE(life->store->write(taken_back, {}, 102).ok());
  EXPECT_TRUE(life->store->load(100).ok());
  EXPECT_TRUE(absl::IsNotFound(life->store->load(101).status()));
  ASSERT_TRUE(life->publish(1).ok());
  life.reset();
  life = *open();
  EXPECT_THAT(life->take(kAll), SizeIs(2));
}

TEST_F(StoreDamageTest, OnlyOneStoreAtATimeCanUseAFolder) {
  const auto life = first_life();
  const absl::Status status = open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder.string()));
}

}  // namespace
}  // namespace pollbus::broker
