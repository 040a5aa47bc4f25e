#include "stores/redis_connection.h"

#include <fmt/format.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "base/status.h"
#include "stores/redis_errors.h"

namespace pollbus {
namespace {

// A TLS record has at most 16 KiB.
constexpr std::size_t kTlsReadBytes = 16 * 1024;

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
  if (config.tls.is_on || !config.tls.authority.empty()) {
    auto connected = TlsConnection::connect(context_->fd, config.tls, config.host);
    if (!connected.ok()) return broken(connected.status());
    tls_ = *std::move(connected);
  }
  return authenticate(config);
}

absl::Status RedisConnection::authenticate(const RedisConfig& config) {
  if (config.password.empty()) return absl::OkStatus();
  std::vector<std::string_view> command = {"AUTH"};
  if (!config.user.empty()) command.emplace_back(config.user);
  command.emplace_back(config.password.reveal());
  ASSIGN_OR_RETURN(const RedisReply reply, call(command));
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
  if (tls_) return flush_tls();
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
  if (tls_) return read_tls(deadline);
  void* reply = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) return broken(errno);
  return RedisReply(static_cast<redisReply*>(reply));
}

// hiredis keeps the commands and parses the replies; only the bytes travel here.
absl::Status RedisConnection::flush_tls() {
  std::size_t sent = 0;
  const std::size_t size = sdslen(context_->obuf);
  while (sent < size) {
    const auto written = tls_->write(context_->obuf + sent, size - sent);
    if (!written.ok()) return broken(written.status());
    sent += *written;
  }
  sdssetlen(context_->obuf, 0);
  context_->obuf[0] = '\0';
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::read_tls(SteadyTime deadline) {
  std::array<char, kTlsReadBytes> bytes;
  while (true) {
    void* reply = nullptr;
    if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) return broken(0);
    if (reply != nullptr) return RedisReply(static_cast<redisReply*>(reply));
    if (std::chrono::steady_clock::now() > deadline) return broken(EAGAIN);
    const auto received = tls_->read(bytes.data(), bytes.size());
    if (!received.ok()) return broken(received.status());
    if (redisReaderFeed(context_->reader, bytes.data(), *received) != REDIS_OK) return broken(0);
  }
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

absl::Status RedisConnection::broken(const absl::Status& error) const {
  if (absl::IsDeadlineExceeded(error)) return broken(EAGAIN);
  return absl::UnavailableError(fmt::format("{}: {}", where_, std::string(error.message())));
}

}  // namespace pollbus
