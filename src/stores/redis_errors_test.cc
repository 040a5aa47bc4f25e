#include "stores/redis_errors.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pollbus {
namespace {

using absl::StatusCode;

struct Case {
  const char* reply;
  StatusCode code;
  const char* told;
};

// Replies as Redis 7.0 writes them.
TEST(RedisErrorsTest, AnErrorIsTransientUnlessNoRetryHelps) {
  const std::vector<Case> cases = {
      {"NOAUTH Authentication required.", StatusCode::kUnavailable, "asks for a password"},
      {"WRONGPASS invalid username-password pair or user is disabled.", StatusCode::kUnavailable,
       "refuses the configured password"},
      {"ERR AUTH <password> called without any password configured for the default user. Are you "
       "sure your configuration is correct?",
       StatusCode::kUnavailable, "has no password"},
      {"LOADING Redis is loading the dataset in memory", StatusCode::kUnavailable, "loading"},
      {"MISCONF Redis is configured to save RDB snapshots, but…", StatusCode::kUnavailable, "disk"},
      {"OOM command not allowed when used memory > 'maxmemory'.", StatusCode::kUnavailable,
       "maxmemory"},
      {"READONLY You can't write against a read only replica.", StatusCode::kUnavailable,
       "replica"},
      {"MASTERDOWN Link with MASTER is down", StatusCode::kUnavailable, "master"},
      {"NOREPLICAS Not enough good replicas to write.", StatusCode::kUnavailable, "replicas"},
      {"EXECABORT Transaction discarded", StatusCode::kUnavailable, "EXECABORT"},
      {"SOMETHING_NEW happened", StatusCode::kUnavailable, "SOMETHING_NEW"},
      {"", StatusCode::kUnavailable, "without a code"},
      {"WRONGTYPE Operation against a key holding the wrong kind of value",
       StatusCode::kFailedPrecondition, "another program"},
      {"MOVED 3999 127.0.0.1:6381", StatusCode::kFailedPrecondition, "cluster"},
      {"ERR DB index is out of range script: 5f, on @user_script:9.",
       StatusCode::kFailedPrecondition, "databases 0 and 1"},
      {"NOSCRIPT No matching script. Please use EVAL.", StatusCode::kUnavailable, "scripts"},
      {"ERR The user executing the script can't run this command or subcommand",
       StatusCode::kUnavailable, "does not permit"},
      {"ERR unknown command 'SET', with args beginning with: 'voted:12:43' ",
       StatusCode::kFailedPrecondition, "is it a Redis server?"},
  };
  for (const Case& each : cases) {
    const absl::Status status = redis_error("Redis at here:1", each.reply);
    EXPECT_EQ(status.code(), each.code) << status;
    const std::string text(status.message());
    EXPECT_EQ(text.find("Redis at here:1 "), 0u) << text;
    EXPECT_NE(text.find(each.told), std::string::npos) << text;
  }
}

TEST(RedisErrorsTest, ErrorsQuoteOnlyTheCodeOfTheReply) {
  for (const char* reply : {"ERR unknown command 'SET', with args beginning with: 'canary'",
                            "canary", "CANARY:canary", "ERR canary", "WRONGTYPE canary"}) {
    const std::string text(redis_error("Redis at here:1", reply).message());
    EXPECT_EQ(text.find("canary"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace pollbus
