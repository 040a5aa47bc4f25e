#include <gtest/gtest.h>

#include <stdexcept>

#include "support/postgres_server.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {
namespace {

using Rows = std::vector<PostgresServer::Row>;

TEST(RedisServerTest, KeepsItsDataAcrossAStopAndAKill) {
  const TemporaryFolder folder;
  RedisServer redis(folder.path(), "a \"quoted\" \\ password");
  redis.command({"SET", "voted:12:1", "x"});
  EXPECT_EQ(redis.stop(), 0);
  redis.start();
  redis.command({"SET", "voted:12:2", "x"});
  redis.kill();
  redis.start();
  EXPECT_EQ(redis.keys("voted:12:*").size(), 2u);
}

TEST(RedisServerTest, RefusesClientsWithoutThePassword) {
  const TemporaryFolder folder;
  const RedisServer redis(folder.path(), "password");
  EXPECT_EQ(redis.log().find("password\n"), std::string::npos);
  ChildProcess stranger({"redis-cli", "-e", "-p", std::to_string(redis.port()), "GET", "key"}, {},
                        folder / "stranger.log");
  EXPECT_NE(stranger.wait(std::chrono::seconds(10)), 0);
}

TEST(PostgresServerTest, KeepsItsDataAcrossAStopAndAKill) {
  const TemporaryFolder folder;
  PostgresServer postgres(folder.path());
  postgres.query("CREATE TABLE votes(id int)");
  EXPECT_EQ(postgres.stop(), 0);
  postgres.start();
  postgres.query("INSERT INTO votes VALUES (1)");
  postgres.kill();
  postgres.start();
  EXPECT_EQ(postgres.query("SELECT id FROM votes"), Rows{{"1"}});
}

TEST(ServerTest, AServerThatDoesNotStartThrowsWithItsLog) {
  const TemporaryFolder folder;
  RedisServer redis(folder.path());
  redis.stop();
  std::filesystem::remove_all(folder / "redis");
  std::filesystem::create_symlink("/dev/null", folder / "redis");
  try {
    redis.start();
    FAIL() << "it started without a folder";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("Its log ends:"), std::string::npos);
  }
}

}  // namespace
}  // namespace pollbus::testing
