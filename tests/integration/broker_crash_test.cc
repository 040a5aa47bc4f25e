#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "integration/broker_client.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {
namespace {

// The number of times the broker is killed; the environment variable POLLBUS_BROKER_KILLS changes
// it.
constexpr int kDefaultKills = 50;
constexpr int kPublishers = 4;
constexpr int kMachines = 3;
constexpr int kBatch = 20;
constexpr std::chrono::milliseconds kShortestLife{20};
constexpr std::chrono::milliseconds kLongestLife{300};
// Longer than the ack deadline, because a pull whose response was lost leases its messages that
// long.
constexpr std::chrono::seconds kDrainTime{60};

int kills() {
  const char* const asked = std::getenv("POLLBUS_BROKER_KILLS");
  return asked == nullptr ? kDefaultKills : std::atoi(asked);
}

std::string machine_of(const std::string& data) { return data.substr(0, data.find('/')); }

// Publishes until stop(), each message once, and remembers which messages were acknowledged.
class Load {
 public:
  Load(const BrokerServer& server, int number)
      : client_(server), number_(number), thread_([this](std::stop_token stop) { run(stop); }) {}

  std::vector<std::string> stop() {
    thread_.request_stop();
    thread_.join();
    return acknowledged_;
  }

 private:
  void run(std::stop_token stop) {
    for (int n = 0; !stop.stop_requested(); ++n) {
      const std::string machine = std::to_string(1 + n % kMachines);
      std::vector<std::string> data;
      for (int i = 0; i < kBatch; ++i) {
        data.push_back(machine + "/" + std::to_string(number_) + "-" + std::to_string(n) + "-" +
                       std::to_string(i));
      }
      if (!client_.publish(data, machine).ok()) continue;
      acknowledged_.insert(acknowledged_.end(), data.begin(), data.end());
    }
  }

  BrokerClient client_;
  int number_;
  std::vector<std::string> acknowledged_;
  std::jthread thread_;
};

// Pulls and acks until stop().
class Receiver {
 public:
  Receiver(const BrokerServer& server, std::string id)
      : client_(server), id_(std::move(id)), thread_([this](std::stop_token stop) { run(stop); }) {}

  // Waits until all expected messages were received; returns the number of missing ones.
  std::size_t await(const std::set<std::string>& expected) {
    std::unique_lock lock(mutex_);
    const auto missing = [&] {
      return std::ranges::count_if(expected, [&](const auto& one) { return !all_.contains(one); });
    };
    changed_.wait_for(lock, kDrainTime, [&] { return missing() == 0; });
    return static_cast<std::size_t>(missing());
  }
  std::set<std::string> stop() {
    thread_.request_stop();
    thread_.join();
    return all_;
  }

 private:
  void run(std::stop_token stop) {
    while (!stop.stop_requested()) {
      google::pubsub::v1::PullResponse pulled;
      if (!client_.pull(id_, &pulled).ok() || pulled.received_messages().empty()) continue;
      {
        const std::lock_guard lock(mutex_);
        for (const auto& one : pulled.received_messages()) all_.insert(one.message().data());
      }
      changed_.notify_all();
      client_.ack(id_, pulled);  // if the broker loses the ack, it delivers the message again
    }
  }

  BrokerClient client_;
  std::string id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> all_;
  std::jthread thread_;
};

TEST(BrokerCrashTest, EveryAcknowledgedMessageReachesAllMatchingSubscriptionsAndNoOther) {
  TemporaryFolder folder;
  BrokerServer server(folder.path());
  {
    BrokerClient client(server);
    ASSERT_TRUE(client.create_subscription("all", "").ok());
    ASSERT_TRUE(client.create_subscription("one", "attributes.machineID = \"1\"").ok());
    ASSERT_TRUE(client.create_subscription("not-one", "attributes.machineID != \"1\"").ok());
  }
  Receiver all(server, "all");
  Receiver one(server, "one");
  Receiver not_one(server, "not-one");
  std::vector<std::unique_ptr<Load>> loads;
  for (int i = 0; i < kPublishers; ++i) loads.push_back(std::make_unique<Load>(server, i));
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> life_ms(kShortestLife.count(), kLongestLife.count());
  for (int i = 0; i < kills(); ++i) {
    // The time of the kill is random, so there is no condition to wait for.
    std::this_thread::sleep_for(std::chrono::milliseconds(life_ms(random)));
    server.kill();
    server.start();
  }
  std::set<std::string> of_all;
  std::set<std::string> of_one;
  std::set<std::string> of_not_one;
  for (const auto& load : loads) {
    for (const std::string& data : load->stop()) {
      of_all.insert(data);
      (machine_of(data) == "1" ? of_one : of_not_one).insert(data);
    }
  }
  EXPECT_GT(of_one.size(), 0u);
  EXPECT_EQ(all.await(of_all), 0u) << "of " << of_all.size();
  EXPECT_EQ(one.await(of_one), 0u) << "of " << of_one.size();
  EXPECT_EQ(not_one.await(of_not_one), 0u) << "of " << of_not_one.size();
  all.stop();
  for (const std::string& data : one.stop()) EXPECT_EQ(machine_of(data), "1");
  for (const std::string& data : not_one.stop()) EXPECT_NE(machine_of(data), "1");
  RecordProperty("acknowledged", static_cast<int>(of_all.size()));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace pollbus::testing
