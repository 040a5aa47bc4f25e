#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "stores/tls_connection.h"
#include "stores/voter_register.h"

namespace pollbus {

struct FreeRedisReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using RedisReply = std::unique_ptr<redisReply, FreeRedisReply>;

// An authenticated connection to one Redis server. Do not use it after an error: a late reply would
// be taken for the reply to another command. Not thread-safe. The process must ignore SIGPIPE (see
// ShutdownSignal), because hiredis writes to sockets that the server may have closed.
class RedisConnection {
 public:
  // UNAVAILABLE if the server does not answer, has no valid certificate or refuses the password.
  static absl::StatusOr<RedisConnection> open(const RedisConfig& config);

  // Adds a command to those that the next flush() sends.
  absl::Status append(const std::vector<std::string_view>& arguments);
  absl::Status flush();

  // Returns the next reply, which may be an error reply. DEADLINE_EXCEEDED if none comes in time.
  absl::StatusOr<RedisReply> read(SteadyTime deadline);

  // Sends one command and returns its reply, which may be an error reply.
  absl::StatusOr<RedisReply> call(const std::vector<std::string_view>& arguments);

  // The meaning of an error reply (see redis_error); OK for any other reply.
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
  absl::Status authenticate(const RedisConfig& config);
  absl::Status flush_tls();
  absl::StatusOr<RedisReply> read_tls(SteadyTime deadline);
  absl::Status broken(int error) const;
  absl::Status broken(const absl::Status& error) const;

  std::string where_;
  std::chrono::milliseconds command_timeout_;
  std::unique_ptr<redisContext, Free> context_;
  std::unique_ptr<TlsConnection> tls_;  // on the socket of context_; destroyed before it
};

}  // namespace pollbus
