#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "integration/broker_client.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BrokerStorageTest : public ::testing::Test {
 protected:
  // Works like a full disk: no file of the broker can grow beyond this size.
  void limit_files(rlim_t bytes) {
    const rlimit limit{bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }
  int readiness() const {
    const auto answer = http_get(server.http_port(), "/readyz");
    return answer ? answer->status : 0;
  }
  // Pulls and acks `count` messages. The first call after a restart may fail because it uses a
  // connection that the restart has broken.
  std::multiset<std::string> drain(const std::string& id, std::size_t count) {
    std::multiset<std::string> data;
    eventually(std::chrono::seconds(10), [&] {
      google::pubsub::v1::PullResponse pulled;
      if (!client.pull(id, &pulled).ok()) return false;
      for (const auto& one : pulled.received_messages()) data.insert(one.message().data());
      EXPECT_TRUE(pulled.received_messages().empty() || client.ack(id, pulled).ok());
      return data.size() >= count;
    });
    return data;
  }

  TemporaryFolder folder;
  BrokerServer server{folder.path()};
  BrokerClient client{server};
};

TEST_F(BrokerStorageTest,
       WhileTheDiskIsFullPublishesAreUnavailableAndLaterTheyWorkWithoutARestart) {
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  ASSERT_TRUE(client.publish({"before"}, "1").ok());
  EXPECT_EQ(readiness(), 200);
  limit_files(0);
  const grpc::Status failed = client.publish({"failed"}, "1");
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(failed.error_message(), HasSubstr("cannot write to its disk"));
  EXPECT_EQ(client.create_subscription("other", "").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(readiness(), 503);
  limit_files(RLIM_INFINITY);
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [this] { return readiness() == 200; }));
  ASSERT_TRUE(client.publish({"after"}, "1").ok());
  server.kill();
  server.start();
  EXPECT_THAT(drain("all", 2), ::testing::UnorderedElementsAre("before", "after"));
}

TEST_F(BrokerStorageTest, UnackedMessagesAndOnlyTheseSurviveARestart) {
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  ASSERT_TRUE(client.publish({"one", "two"}, "1").ok());
  EXPECT_EQ(drain("all", 2).size(), 2u);
  ASSERT_TRUE(client.publish({"three"}, "1").ok());
  EXPECT_EQ(server.stop(), 0);
  server.start();
  EXPECT_THAT(drain("all", 1), ::testing::ElementsAre("three"));
}

TEST_F(BrokerStorageTest, ASecondBrokerOnAFolderFailsAndNamesItAndWasNeverReady) {
  const std::string log_of_first = server.log();
  try {
    BrokerServer second(folder.path());
    FAIL() << "two brokers use one folder";
  } catch (const std::runtime_error& error) {
    // Both brokers append to the same log.
    EXPECT_THAT(server.log().substr(log_of_first.size()), Not(HasSubstr(" ready ")));
    EXPECT_THAT(error.what(), HasSubstr((folder / "broker").string() + " is in use by another"));
  }
  EXPECT_TRUE(client.create_subscription("all", "").ok());
}

TEST_F(BrokerStorageTest, TheFirstStartLogsNoWarning) {
  EXPECT_THAT(server.log(), HasSubstr("Server started, listening on"));
  EXPECT_THAT(server.log(), Not(HasSubstr("warning")));
  EXPECT_THAT(server.log(), Not(HasSubstr("error")));
}

TEST_F(BrokerStorageTest, OnlyTheOwnerHasAccessToTheDataAndALooserFolderIsRepaired) {
  namespace fs = std::filesystem;
  const fs::path data = folder / "broker";
  const auto permissions = [](const fs::path& of) {
    return static_cast<unsigned>(fs::status(of).permissions());
  };
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  ASSERT_TRUE(client.publish({"a vote"}, "1").ok());
  server.stop();
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    EXPECT_EQ(permissions(entry), entry.is_directory() ? 0700u : 0600u) << entry.path();
    fs::permissions(entry, fs::perms(entry.is_directory() ? 0755u : 0644u));
  }
  EXPECT_EQ(permissions(data), 0700u);
  fs::permissions(data, fs::perms(0755));
  server.start();
  EXPECT_EQ(permissions(data), 0700u);
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    EXPECT_EQ(permissions(entry), entry.is_directory() ? 0700u : 0600u) << entry.path();
  }
  EXPECT_THAT(server.log(), HasSubstr("other users had access to the data folder"));
}

TEST_F(BrokerStorageTest, ADamagedFolderIsRefusedWithAReason) {
  ASSERT_TRUE(client.create_subscription("all", "").ok());
  server.stop();
  std::ofstream(folder / "broker/db/CURRENT") << "MANIFEST-999999\n";
  try {
    server.start();
    FAIL() << "the broker runs on a damaged store";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot start"));
    EXPECT_THAT(error.what(), HasSubstr((folder / "broker").string()));
  }
}

}  // namespace
}  // namespace pollbus::testing
