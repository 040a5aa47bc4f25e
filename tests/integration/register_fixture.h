#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "stores/redis_servers.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {

// A voter register in one Redis server, or divided over several: as many as the parameter says.
class RegisterTest : public ::testing::TestWithParam<int> {
 protected:
  RegisterTest() {
    signal(SIGPIPE, SIG_IGN);  // as ShutdownSignal does in the logger
    for (int number = 1; number <= GetParam(); ++number) {
      const auto folder = folder_.path() / std::to_string(number);
      std::filesystem::create_directory(folder);
      servers_.emplace_back(folder, "canary-password");
    }
  }

  RedisConfig config() const {
    RedisConfig config;
    config.port = servers_.front().port();
    config.password = Secret(servers_.front().password());
    for (const RedisServer& server : servers_) {
      if (servers_.size() > 1) config.hosts.push_back("127.0.0.1:" + std::to_string(server.port()));
    }
    return config;
  }

  // The server that marks the voter.
  RedisServer& server_for(std::int64_t election, std::int64_t voter) {
    return servers_[server_of(election, voter, servers_.size())];
  }

  // These concern all servers.
  void kill() {
    for (RedisServer& server : servers_) server.kill();
  }
  void start() {
    for (RedisServer& server : servers_) server.start();
  }
  void signal_all(int number) {
    for (RedisServer& server : servers_) server.signal(number);
  }
  void command(const std::vector<std::string>& words) const {
    for (const RedisServer& server : servers_) server.command(words);
  }
  std::vector<std::string> keys(const std::string& pattern, int database = 0) const {
    std::vector<std::string> all;
    for (const RedisServer& server : servers_) {
      const auto keys = server.command(
          {"EVAL", "redis.call('SELECT', ARGV[1]) return redis.call('KEYS', ARGV[2])", "0",
           std::to_string(database), pattern});
      all.insert(all.end(), keys.begin(), keys.end());
    }
    return all;
  }

  TemporaryFolder folder_;
  std::deque<RedisServer> servers_;
};

inline std::string name_of_servers(const ::testing::TestParamInfo<int>& info) {
  return info.param == 1 ? "OneServer" : "TwoServers";
}

}  // namespace pollbus::testing
