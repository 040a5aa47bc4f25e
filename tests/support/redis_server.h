#pragma once

#include <string>
#include <vector>

#include "support/server.h"

namespace pollbus::testing {

// A running Redis that keeps what it has acknowledged (scripts/local-redis), with its data in
// <folder>/redis.
class RedisServer : public Server {
 public:
  explicit RedisServer(const std::filesystem::path& folder, std::string password = "");

  int port() const { return port_; }
  const std::string& password() const { return password_; }
  // {"REDIS_HOST": …, "REDIS_PORT": …, "REDIS_PASSWORD": …} as the services expect them.
  Environment environment() const;

  // Sends one command on a new connection. Returns the answer as text, or the elements of an array.
  std::vector<std::string> command(const std::vector<std::string>& words) const;
  // Returns the keys that match a glob pattern ("voted:12:*").
  std::vector<std::string> keys(const std::string& pattern) const;

 private:
  RedisServer(const std::filesystem::path& folder, std::string password, int port);

  std::string password_;
  int port_;
};

}  // namespace pollbus::testing
