#include "stores/redis_connection.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "stores/redis_errors.h"

namespace pollbus {
namespace {

constexpr std::size_t kMaxArguments = 8;

timeval as_timeval(std::chrono::milliseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(duration - seconds);
  return {.tv_sec = seconds.count(), .tv_usec = rest.count()};
}

// hiredis 0.14 writes without MSG_NOSIGNAL: a server that went away would end the process. Keeps
// SIGPIPE from this thread, and from whoever handles it, while it stands.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const int error = errno;
    constexpr timespec kNoWait{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &kNoWait);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

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

absl::Status RedisConnection::append(std::initializer_list<std::string_view> arguments) {
  std::array<const char*, kMaxArguments> texts;
  std::array<std::size_t, kMaxArguments> lengths;
  int count = 0;
  for (const std::string_view argument : arguments) {
    texts.at(count) = argument.data();
    lengths.at(count) = argument.size();
    ++count;
  }
  if (redisAppendCommandArgv(context_.get(), count, texts.data(), lengths.data()) != REDIS_OK) {
    return broken(errno);
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::flush() {
  const NoSigpipe guard;
  int done = 0;
  errno = 0;
  while (done == 0) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) return broken(errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::read(SteadyTime deadline) {
  // The socket's own timeout is for one wait; a server that dribbles would pass it every time.
  if (std::chrono::steady_clock::now() > deadline) return broken(EAGAIN);
  void* reply = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) return broken(errno);
  return RedisReply(static_cast<redisReply*>(reply));
}

absl::StatusOr<RedisReply> RedisConnection::call(
    std::initializer_list<std::string_view> arguments) {
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
  // A protocol error's text quotes what was received.
  const bool io = context_->err == REDIS_ERR_IO || context_->err == REDIS_ERR_EOF;
  return absl::UnavailableError(
      fmt::format("{}: {}", where_, io ? context_->errstr : "broke the protocol"));
}

}  // namespace pollbus
