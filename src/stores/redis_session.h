#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stores/redis_connection.h"

namespace pollbus {

// A connection that is opened when it is needed and again after any failure, because replies to the
// commands under way could be taken for those to later commands. Database 1 is selected, and the
// scripts are loaded. Not thread-safe.
class RedisSession {
 public:
  // Database 0 holds marks and nothing else, so that DBSIZE is their number. Database 1 holds the
  // rest.
  static constexpr std::string_view kMarksDatabase = "0";
  static constexpr std::string_view kOwnDatabase = "1";

  RedisSession(RedisConfig config, std::vector<std::string_view> scripts)
      : config_(std::move(config)), scripts_(std::move(scripts)) {}

  // Calls `use(RedisConnection&)`, which returns a status.
  template <typename Use>
  absl::Status connected(const Use& use) {
    if (!connection_) RETURN_IF_ERROR(connect());
    absl::Status status = use(*connection_);
    if (!status.ok()) connection_.reset();
    return status;
  }

  // The name by which EVALSHA runs a script, by its position in the constructor.
  const std::string& script(std::size_t position) const { return names_[position]; }
  const RedisConfig& config() const { return config_; }

 private:
  absl::Status connect();

  RedisConfig config_;
  std::vector<std::string_view> scripts_;
  std::vector<std::string> names_;
  std::optional<RedisConnection> connection_;
};

// Sends one command and returns its reply, which is no error.
absl::StatusOr<RedisReply> answer_to(RedisConnection& connection,
                                     const std::vector<std::string_view>& command);

// The text of a reply; empty if it has none.
std::string_view text_of(const redisReply& reply);
// The integer of a reply, also of one that is a text of decimal digits.
std::optional<std::int64_t> number_in(const redisReply& reply);
// For a reply that Redis would not send.
absl::Status protocol_error(const RedisConnection& connection);

}  // namespace pollbus
