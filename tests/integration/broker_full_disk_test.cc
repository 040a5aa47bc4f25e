#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "integration/broker_client.h"
#include "support/child_process.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;

// Room for an empty store and its log, and not for much more.
constexpr char kSmall[] = "size=12m";
constexpr int kMessagesPerPublish = 100;
constexpr std::size_t kMessageBytes = 1'000;
constexpr int kMaxPublishes = 1'000;  // far more than there is room for
constexpr std::chrono::seconds kRecovery_s{20};

// A file system of a few megabytes of memory at a folder, in a mount namespace that a process of
// its own keeps, and that brokers enter. Needs root, or a kernel that lets users have namespaces.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::filesystem::path& at, const std::filesystem::path& log)
      : at_(at), log_(log) {
    std::filesystem::create_directories(at_);
    std::vector<std::string> argv{"unshare", "--mount"};
    if (!is_root()) argv.push_back("--map-root-user");
    for (const char* word : {"sh", "-c", kMount}) argv.push_back(word);
    argv.push_back(at_);
    argv.push_back(kSmall);
    keeper_ = std::make_unique<ChildProcess>(argv, Environment{}, log_);
    eventually(kRecovery_s, [&] { return !keeper_->is_running() || is_mounted(); });
  }

  bool is_there() { return keeper_->is_running() && is_mounted(); }
  // The command that runs another inside.
  std::vector<std::string> enter() const {
    std::vector<std::string> argv{"nsenter", "--target", std::to_string(keeper_->pid()), "--mount"};
    if (!is_root()) argv.insert(argv.end(), {"--user", "--preserve-credentials"});
    return argv;
  }
  bool resize(const std::string& size) {
    std::vector<std::string> argv = enter();
    argv.insert(argv.end(), {"mount", "-t", "tmpfs", "-o", "remount," + size, "tmpfs", at_});
    return ChildProcess(argv, {}, log_).wait(kRecovery_s) == 0;
  }
  // Takes all room that is left, or gives it back.
  void fill() {
    std::ofstream file(inside() / "filler", std::ios::binary);
    const std::string block(4'096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_room() { std::filesystem::remove(inside() / "filler"); }

 private:
  static constexpr char kMount[] =
      R"(mount -t tmpfs -o "$1" tmpfs "$0" && : >"$0/mounted" && exec sleep infinity)";

  static bool is_root() { return geteuid() == 0; }
  // As seen from outside.
  std::filesystem::path inside() const {
    return "/proc/" + std::to_string(keeper_->pid()) + "/root" + at_.string();
  }
  bool is_mounted() const {
    std::error_code none;
    return std::filesystem::exists(inside() / "mounted", none);
  }

  std::filesystem::path at_;
  std::filesystem::path log_;
  std::unique_ptr<ChildProcess> keeper_;
};

class BrokerFullDiskTest : public ::testing::Test {
 protected:
  // False where nothing can be mounted: that is said, and BrokerStorageTest's limit on file sizes
  // stands in for the full disk there.
  bool can_mount() {
    if (disk.is_there()) return true;
    std::printf("NOT RUN here, nothing can be mounted\n");
    RecordProperty("not_run", "nothing can be mounted");
    return false;
  }

  TemporaryFolder folder;
  SmallFileSystem disk{folder / "disk", folder / "disk.log"};
};

// Publishes until it is refused; returns what was acknowledged.
std::set<std::string> publish_until_refused(BrokerClient& client, grpc::Status* refused) {
  std::set<std::string> acknowledged;
  for (int n = 0; n < kMaxPublishes; ++n) {
    std::vector<std::string> data;
    for (int i = 0; i < kMessagesPerPublish; ++i) {
      data.push_back(std::to_string(n) + "-" + std::to_string(i) + "-");
      data.back().resize(kMessageBytes, 'x');
    }
    *refused = client.publish(data, "1");
    if (!refused->ok()) break;
    acknowledged.insert(data.begin(), data.end());
  }
  return acknowledged;
}

// Pulls and acks until nothing comes any more or everything has come.
std::set<std::string> drain(BrokerClient& client, const std::set<std::string>& expected) {
  std::set<std::string> received;
  eventually(kRecovery_s, [&] {
    google::pubsub::v1::PullResponse pulled;
    if (!client.pull("all", &pulled).ok()) return false;
    for (const auto& one : pulled.received_messages()) received.insert(one.message().data());
    if (!pulled.received_messages().empty()) client.ack("all", pulled);
    return std::ranges::includes(received, expected);
  });
  return received;
}

bool is_ready(const BrokerServer& server) {
  const auto answer = http_get(server.http_port(), "/readyz");
  return answer && answer->status == 200;
}

TEST_F(BrokerFullDiskTest, WhatWasAcknowledgedBeforeTheDiskWasFullIsDeliveredWhenThereIsRoom) {
  if (!can_mount()) return;
  BrokerServer server(folder / "disk", {}, disk.enter());
  BrokerClient client(server);
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  grpc::Status refused;
  std::set<std::string> acknowledged = publish_until_refused(client, &refused);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("cannot write to its disk"));
  EXPECT_GT(acknowledged.size(), 0u);
  EXPECT_FALSE(is_ready(server));
  // A disk is made larger, or something else on it is deleted.
  ASSERT_TRUE(disk.resize("size=64m"));
  EXPECT_TRUE(eventually(kRecovery_s, [&] { return is_ready(server); }));
  ASSERT_TRUE(client.publish({"after"}, "1").ok());
  acknowledged.insert("after");
  server.kill();
  server.start();
  const std::set<std::string> received = drain(client, acknowledged);
  EXPECT_TRUE(std::ranges::includes(received, acknowledged));
}

TEST_F(BrokerFullDiskTest, ABrokerKilledOnAFullDiskHasEverythingWhenItStartsWithRoomAgain) {
  if (!can_mount()) return;
  BrokerServer server(folder / "disk", {}, disk.enter());
  BrokerClient client(server);
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  ASSERT_TRUE(client.publish({"before"}, "1").ok());
  disk.fill();
  grpc::Status refused;
  std::set<std::string> acknowledged = publish_until_refused(client, &refused);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE) << refused.error_message();
  acknowledged.insert("before");
  server.kill();
  disk.make_room();
  server.start();
  const std::set<std::string> received = drain(client, acknowledged);
  EXPECT_TRUE(std::ranges::includes(received, acknowledged));
}

}  // namespace
}  // namespace pollbus::testing
