#pragma once

#include <hiredis/hiredis.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "stores/voter_register.h"

namespace pollbus {

struct FreeRedisReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using RedisReply = std::unique_ptr<redisReply, FreeRedisReply>;

// An authenticated connection to one Redis server. After any error it is of no more use: a reply
// that comes late would be taken for another command's. Not thread-safe.
class RedisConnection {
 public:
  // UNAVAILABLE when nobody answers, or the password is refused.
  static absl::StatusOr<RedisConnection> open(const RedisConfig& config);

  // Adds a command to those that the next flush() sends.
  absl::Status append(std::initializer_list<std::string_view> arguments);
  absl::Status flush();

  // The next reply, an error reply too. DEADLINE_EXCEEDED when there is none by `deadline`.
  absl::StatusOr<RedisReply> read(SteadyTime deadline);

  // One command, sent and answered.
  absl::StatusOr<RedisReply> call(std::initializer_list<std::string_view> arguments);

  // What an error reply means (see redis_error); OK for any other.
  absl::Status error_in(const RedisReply& reply) const;

  const std::string& where() const { return where_; }

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };

  RedisConnection(std::string where, std::chrono::milliseconds command_timeout,
                  redisContext* context)
      : where_(std::move(where)), command_timeout_(command_timeout), context_(context) {}
  absl::Status prepare(const RedisConfig& config);
  absl::Status broken(int error) const;

  std::string where_;
  std::chrono::milliseconds command_timeout_;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace pollbus
