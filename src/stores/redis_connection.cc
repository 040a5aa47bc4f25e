#include "stores/redis_connection.h"

#include <fmt/format.h>
#include <sys/time.h>

#include <cerrno>

#include "base/status.h"
#include "stores/redis_errors.h"

namespace pollbus {
namespace {

timeval as_timeval(std::chrono::milliseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(duration - seconds);
  return {.tv_sec = seconds.count(), .tv_usec = rest.count()};
}

}  // namespace

absl::StatusOr<RedisConnection> RedisConnection::open(const RedisConfig& config) {
  RedisConnection connection(
      fmt::format("Redis at {}:{}", config.host, config.port), config.command_timeout,
      redisConnectWithTimeout(config.host.c_str(), static_cast<int>(config.port),
                              as_timeval(config.connect_timeout)));
  RETURN_IF_ERROR(connection.prepare(config));
  return connection;
}

absl::Status RedisConnection::prepare(const RedisConfig& config) {
  if (context_ == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  if (context_->err != 0) {
    return absl::UnavailableError(fmt::format("{}: {}", where_, context_->errstr));
  }
  if (redisEnableKeepAlive(context_.get()) != REDIS_OK ||
      redisSetTimeout(context_.get(), as_timeval(command_timeout_)) != REDIS_OK) {
    return broken(errno);
  }
  if (config.password.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const RedisReply reply, call({"AUTH", config.password.reveal()}));
  return error_in(reply);
}

absl::Status RedisConnection::append(const std::vector<std::string_view>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(arguments.size()), texts.data(),
                             lengths.data()) != REDIS_OK) {
    return broken(errno);
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::flush() {
  int done = 0;
  errno = 0;
  while (done == 0) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) return broken(errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::read(SteadyTime deadline) {
  // The socket's own timeout limits a single wait, so a server that sends a byte at a time would
  // never exceed it.
  if (std::chrono::steady_clock::now() > deadline) return broken(EAGAIN);
  void* reply = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) return broken(errno);
  return RedisReply(static_cast<redisReply*>(reply));
}

absl::StatusOr<RedisReply> RedisConnection::call(const std::vector<std::string_view>& arguments) {
  RETURN_IF_ERROR(append(arguments));
  RETURN_IF_ERROR(flush());
  return read(std::chrono::steady_clock::now() + command_timeout_);
}

absl::Status RedisConnection::error_in(const RedisReply& reply) const {
  if (reply->type != REDIS_REPLY_ERROR) return absl::OkStatus();
  return redis_error(where_, {reply->str, static_cast<std::size_t>(reply->len)});
}

absl::Status RedisConnection::broken(int error) const {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    return absl::DeadlineExceededError(
        fmt::format("{} does not answer within {} ms", where_, command_timeout_.count()));
  }
  // The text of a protocol error quotes the received bytes, so it is not passed on.
  const bool io = context_->err == REDIS_ERR_IO || context_->err == REDIS_ERR_EOF;
  return absl::UnavailableError(
      fmt::format("{}: {}", where_, io ? context_->errstr : "broke the protocol"));
}

}  // namespace pollbus
