#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "faults/sim/redis_data.h"

struct lua_State;

namespace pollbus::faults {

// Runs the scripts of Redis, in the Lua 5.1 that Redis has, on RedisData
// (https://redis.io/docs/interact/programmability/eval-intro/). A script must leave no global
// variable. Not thread-safe.
class RedisScripting {
 public:
  RedisScripting();
  ~RedisScripting();
  RedisScripting(const RedisScripting&) = delete;
  RedisScripting& operator=(const RedisScripting&) = delete;

  // EVALSHA with these arguments and no keys. `database` is the one that the connection has
  // selected; a script selects another for itself only.
  RedisAnswer run(const std::string& script, RedisData& data, std::size_t database,
                  RedisData::Words arguments);

 private:
  int compiled(const std::string& script);

  lua_State* lua_;
  std::map<std::string, int> compiled_;  // by text: references to Lua functions
};

}  // namespace pollbus::faults
