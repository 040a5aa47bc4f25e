#include "faults/sim/simulated_register.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/status.h"
#include "stores/redis_connection.h"
#include "stores/redis_errors.h"

namespace pollbus::faults {
namespace {

// A server's port is its number.
constexpr std::int64_t kFirstPort = 1;
// Within what src/stores/sharded_voter_register.cc allows.
constexpr std::chrono::milliseconds kMostClockDifference{900};

thread_local SimulatedRegister* register_of_thread = nullptr;

struct StepOfServer {
  std::size_t server = 0;
  ServerStep step;
};

// In the order of their times.
std::map<std::int64_t, std::vector<StepOfServer>> by_election(
    const std::vector<std::vector<ServerStep>>& servers) {
  std::map<std::int64_t, std::vector<StepOfServer>> elections;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (const ServerStep& step : servers[i]) elections[step.election].push_back({i, step});
  }
  for (auto& [election, steps] : elections) {
    std::ranges::stable_sort(steps, {}, [](const StepOfServer& each) { return each.step.t_us; });
  }
  return elections;
}

}  // namespace

std::vector<LifeStep> steps_of_all(const std::vector<std::vector<ServerStep>>& servers) {
  std::vector<LifeStep> all;
  for (const auto& [election, steps] : by_election(servers)) {
    std::vector<bool> open(servers.size());
    bool agreed = false;  // what all servers said last
    std::optional<std::int64_t> differ_since;
    const auto add = [&, id = election](std::int64_t begun, std::int64_t end, bool is_open) {
      all.push_back({.election = id, .begun_us = begun, .t_us = end, .is_open = is_open});
    };
    for (const auto& [server, step] : steps) {
      open[server] = step.is_open;
      const std::int64_t begun = differ_since.value_or(step.t_us);
      const bool agree = std::ranges::count(open, open.front()) == std::ssize(open);
      differ_since = agree ? std::nullopt : std::optional(begun);
      if (!agree) continue;
      // They have differed, and are where they were before.
      if (open.front() == agreed && begun < step.t_us) add(begun, step.t_us, !agreed);
      agreed = open.front();
      add(begun, step.t_us, agreed);
    }
    if (differ_since) add(*differ_since, std::numeric_limits<std::int64_t>::max(), !agreed);
  }
  return all;
}

SimulatedRegister::SimulatedRegister(World& world, const Profile& profile, Network& network,
                                     const Mutant& mutant)
    : profile_(profile) {
  register_of_thread = this;
  for (int i = 1; i <= profile.redis_servers; ++i) {
    std::string name = profile.redis_servers == 1 ? "redis" : fmt::format("redis-{}", i);
    servers_.push_back(
        std::make_unique<SimulatedRedis>(world, profile, network, mutant, std::move(name)));
    if (i > 1) {
      servers_.back()->set_clock(
          std::chrono::duration_cast<std::chrono::milliseconds>(world.random().between(
              std::chrono::microseconds(0), std::chrono::microseconds(kMostClockDifference))));
    }
  }
}

SimulatedRegister::~SimulatedRegister() { register_of_thread = nullptr; }

RedisConfig SimulatedRegister::config() const {
  RedisConfig config;
  config.only_defined_elections = profile_.is_defined;
  config.port = kFirstPort;
  for (std::size_t i = 0; servers_.size() > 1 && i < servers_.size(); ++i)
    config.hosts.push_back(fmt::format("redis:{}", kFirstPort + static_cast<std::int64_t>(i)));
  return config;
}

std::unique_ptr<VoterRegister> SimulatedRegister::connect() {
  return make_redis_voter_register(config(), KeyedHash{});
}

std::unique_ptr<ElectionRegister> SimulatedRegister::connect_elections() {
  return make_redis_election_register(config());
}

void SimulatedRegister::add_to(Evidence* evidence) const {
  std::vector<std::vector<ServerStep>> steps;
  for (const auto& server : servers_) {
    server->add_marks_to(evidence);
    steps.push_back(server->steps());
  }
  evidence->steps = steps_of_all(steps);
}

absl::Status SimulatedRegister::open(const redisContext* connection, std::int64_t port) {
  SimulatedRedis& server = *servers_.at(static_cast<std::size_t>(port - kFirstPort));
  connected_[connection] = &server;
  return server.open(connection);
}

absl::StatusOr<std::string> SimulatedRegister::send(const redisContext* connection,
                                                    const std::string& commands) {
  return connected_.at(connection)->send(connection, commands);
}

}  // namespace pollbus::faults

// The connection of src/stores, for simulated processes. These definitions take precedence over
// those in the library. The bytes are those of a real connection; hiredis writes the commands and
// reads the replies.
namespace pollbus {

absl::StatusOr<RedisConnection> RedisConnection::open(const RedisConfig& config) {
  constexpr int kNoSocket = -1;
  RedisConnection connection("simulated redis", config.command_timeout, redisConnectFd(kNoSocket));
  absl::Status opened = faults::register_of_thread->open(connection.context_.get(), config.port);
  if (!opened.ok()) return opened;
  return connection;
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
    return absl::InternalError("hiredis refuses a command");
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::flush() {
  const std::string commands(context_->obuf, sdslen(context_->obuf));
  sdssetlen(context_->obuf, 0);
  context_->obuf[0] = '\0';
  const auto answers = faults::register_of_thread->send(context_.get(), commands);
  if (!answers.ok()) return answers.status();
  if (redisReaderFeed(context_->reader, answers->data(), answers->size()) != REDIS_OK)
    return absl::InternalError("hiredis refuses replies");
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::read(SteadyTime /*deadline*/) {
  void* reply = nullptr;
  if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK || reply == nullptr)
    return absl::InternalError("hiredis cannot read a reply");
  return RedisReply(static_cast<redisReply*>(reply));
}

absl::StatusOr<RedisReply> RedisConnection::call(const std::vector<std::string_view>& arguments) {
  RETURN_IF_ERROR(append(arguments));
  RETURN_IF_ERROR(flush());
  return read({});
}

absl::Status RedisConnection::error_in(const RedisReply& reply) const {
  if (reply->type != REDIS_REPLY_ERROR) return absl::OkStatus();
  return redis_error(where_, {reply->str, static_cast<std::size_t>(reply->len)});
}

}  // namespace pollbus
