#include "stores/redis_session.h"

#include <fmt/format.h>

#include <charconv>

namespace pollbus {

absl::Status RedisSession::connect() {
  ASSIGN_OR_RETURN(RedisConnection connection, RedisConnection::open(config_));
  RETURN_IF_ERROR(answer_to(connection, {"SELECT", kOwnDatabase}).status());
  names_.clear();
  for (const std::string_view script : scripts_) {
    ASSIGN_OR_RETURN(const RedisReply name, answer_to(connection, {"SCRIPT", "LOAD", script}));
    names_.emplace_back(text_of(*name));
  }
  connection_ = std::move(connection);
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> answer_to(RedisConnection& connection,
                                     const std::vector<std::string_view>& command) {
  ASSIGN_OR_RETURN(RedisReply reply, connection.call(command));
  RETURN_IF_ERROR(connection.error_in(reply));
  return reply;
}

std::string_view text_of(const redisReply& reply) {
  if (reply.str == nullptr) return {};
  return {reply.str, static_cast<std::size_t>(reply.len)};
}

std::optional<std::int64_t> number_in(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return reply.integer;
  const std::string_view text = text_of(reply);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::Status protocol_error(const RedisConnection& connection) {
  return absl::UnavailableError(fmt::format("{} broke the protocol", connection.where()));
}

}  // namespace pollbus
