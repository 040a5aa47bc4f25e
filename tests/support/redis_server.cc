#include "support/redis_server.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <stdexcept>
#include <utility>

#include "support/ports.h"

namespace pollbus::testing {
namespace {

constexpr timeval kTimeout{2, 0};

using Context = std::unique_ptr<redisContext, decltype(&redisFree)>;
using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

Reply send(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> pointers;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    pointers.push_back(word.data());
    sizes.push_back(word.size());
  }
  void* reply =
      ::redisCommandArgv(&context, static_cast<int>(words.size()), pointers.data(), sizes.data());
  return {static_cast<redisReply*>(reply), &freeReplyObject};
}

std::string text_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  return reply.str == nullptr ? "" : std::string(reply.str, reply.len);
}

std::vector<std::string> send_alone(int port, const std::string& password,
                                    const std::vector<std::string>& words) {
  const Context context(::redisConnectWithTimeout("127.0.0.1", port, kTimeout), &redisFree);
  if (!context || context->err) throw std::runtime_error("cannot connect to Redis");
  ::redisSetTimeout(context.get(), kTimeout);
  if (!password.empty()) send(*context, {"AUTH", password});
  const Reply reply = send(*context, words);
  if (!reply) throw std::runtime_error(fmt::format("Redis: {}", context->errstr));
  if (reply->type == REDIS_REPLY_ERROR) {
    throw std::runtime_error(fmt::format("Redis: {}", reply->str));
  }
  if (reply->type != REDIS_REPLY_ARRAY) return {text_of(*reply)};
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < reply->elements; ++i) elements.push_back(text_of(*reply->element[i]));
  return elements;
}

// Redis answers PING with an error while it reads its file.
bool answers(int port, const std::string& password) {
  try {
    return send_alone(port, password, {"PING"}) == std::vector<std::string>{"PONG"};
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

RedisServer::RedisServer(const std::filesystem::path& folder, std::string password)
    : RedisServer(folder, std::move(password), free_port()) {}

RedisServer::RedisServer(const std::filesystem::path& folder, std::string password, int port)
    : Server({.name = "redis",
              .folder = folder,
              .argv = {POLLBUS_SCRIPTS "/local-redis", folder / "redis", std::to_string(port)},
              .environment = {{"REDIS_PASSWORD", password}},
              .stop_signal = SIGTERM,
              .answers = [port, password] { return testing::answers(port, password); }}),
      password_(std::move(password)),
      port_(port) {
  start();
}

Environment RedisServer::environment() const {
  return {{"REDIS_HOST", "127.0.0.1"},
          {"REDIS_PORT", std::to_string(port_)},
          {"REDIS_PASSWORD", password_}};
}

std::vector<std::string> RedisServer::command(const std::vector<std::string>& words) const {
  return send_alone(port_, password_, words);
}

std::vector<std::string> RedisServer::keys(const std::string& pattern) const {
  return command({"KEYS", pattern});
}

}  // namespace pollbus::testing
