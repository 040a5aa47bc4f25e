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

// Enough for an empty store and its log, but not for much more.
constexpr char kSmall[] = "size=12m";
constexpr int kMessagesPerPublish = 100;
constexpr std::size_t kMessageBytes = 1'000;
constexpr int kMaxPublishes = 1'000;  // far more than the disk can hold
constexpr std::chrono::seconds kRecovery{20};

// Mounts a file system of a few megabytes (tmpfs) on a folder. The mount exists only in a mount
// namespace, which a child process keeps alive and which brokers enter. Needs root, or a kernel
// that allows users to create namespaces.
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
    eventually(kRecovery, [&] { return !keeper_->is_running() || is_mounted(); });
  }

  bool is_there() { return keeper_->is_running() && is_mounted(); }
  // The command in front of another one that runs it in the namespace.
  std::vector<std::string> enter() const {
    std::vector<std::string> argv{"nsenter", "--target", std::to_string(keeper_->pid()), "--mount"};
    if (!is_root()) argv.insert(argv.end(), {"--user", "--preserve-credentials"});
    return argv;
  }
  bool resize(const std::string& size) {
    std::vector<std::string> argv = enter();
    argv.insert(argv.end(), {"mount", "-t", "tmpfs", "-o", "remount," + size, "tmpfs", at_});
    return ChildProcess(argv, {}, log_).wait(kRecovery) == 0;
  }
  // Uses up all free space, until make_room().
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
  // The folder in the namespace, as this process can reach it.
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
  // Returns false, and says so in the output, on systems that cannot mount. BrokerStorageTest,
  // which limits the size of files instead of filling a disk, covers these.
  bool can_mount() {
    if (disk.is_there()) return true;
    std::printf("NOT RUN: this system cannot mount a file system\n");
    RecordProperty("not_run", "this system cannot mount a file system");
    return false;
  }

  TemporaryFolder folder;
  SmallFileSystem disk{folder / "disk", folder / "disk.log"};
};

// Publishes until a publish fails; returns the acknowledged messages.
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

// Pulls and acks until all expected messages have arrived, or for a limited time.
std::set<std::string> drain(BrokerClient& client, const std::set<std::string>& expected) {
  std::set<std::string> received;
  eventually(kRecovery, [&] {
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

TEST_F(BrokerFullDiskTest, MessagesAcknowledgedBeforeTheDiskWasFullAreDeliveredWhenThereIsRoom) {
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
  // In practice somebody makes the disk larger or deletes something else on it.
  ASSERT_TRUE(disk.resize("size=64m"));
  EXPECT_TRUE(eventually(kRecovery, [&] { return is_ready(server); }));
  ASSERT_TRUE(client.publish({"after"}, "1").ok());
  acknowledged.insert("after");
  server.kill();
  server.start();
  const std::set<std::string> received = drain(client, acknowledged);
  EXPECT_TRUE(std::ranges::includes(received, acknowledged));
}

TEST_F(BrokerFullDiskTest, ABrokerKilledOnAFullDiskHasAllMessagesWhenItStartsWithRoomAgain) {
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
