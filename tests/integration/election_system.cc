#include "integration/election_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "support/eventually.h"
#include "support/random_hex.h"

namespace pollbus::testing {
namespace {

constexpr std::size_t kRedisPasswordBytes = 12;
constexpr std::int64_t kMaxElection = 1'000'000'000;
constexpr std::chrono::seconds kReadyDeadline{60};

std::int64_t random_election() {
  std::random_device random;
  return std::uniform_int_distribution<std::int64_t>(1, kMaxElection)(random);
}

// Where both define a variable, `first` wins.
Environment together(Environment first, const Environment& second) {
  first.insert(second.begin(), second.end());
  return first;
}

std::vector<std::unique_ptr<VotingService>> replicas(const std::string& program, int count,
                                                     const Environment& environment,
                                                     const std::filesystem::path& folder) {
  std::vector<std::unique_ptr<VotingService>> services;
  for (int i = 1; i <= count; ++i) {
    services.push_back(std::make_unique<VotingService>(program, fmt::format("{}-{}", program, i),
                                                       environment, folder));
  }
  return services;
}

RotatingKey random_key() {
  return {.current = HashKey::parse(random_hex(HashKey::kBytes)).value(), .previous = {}};
}

ServiceKeys random_keys(bool has_keys) {
  if (!has_keys) return {};
  return {.submit = random_key(), .record = random_key(), .result = random_key()};
}

// The variables of those keys that there are.
Environment variables_of(
    const std::vector<std::pair<std::string, std::optional<RotatingKey>>>& keys) {
  Environment variables;
  for (const auto& [name, key] : keys) {
    if (key) variables[name] = text_of_key(key->current);
  }
  return variables;
}

}  // namespace

std::string text_of_key(const HashKey& key) {
  std::string text;
  for (const unsigned char byte : key.bytes()) text += fmt::format("{:02x}", byte);
  return text;
}

ElectionSystem::ElectionSystem(const std::filesystem::path& folder, const SystemPlan& plan)
    : redis(folder, random_hex(kRedisPasswordBytes)),
      postgres(folder),
      broker(folder, plan.broker_flags),
      folder_(folder),
      extra_(plan.environment),
      election_(random_election()),
      logger_key_text_(random_hex(HashKey::kBytes)),
      logger_key_(HashKey::parse(logger_key_text_).value()),
      keys_(random_keys(plan.has_keys)) {
  loggers = replicas("voting-logger", plan.loggers, logger_environment(), folder);
  recorders = replicas("voting-recorder", plan.recorders, recorder_environment(), folder);
  if (plan.started) start_services();
}

BusConfig ElectionSystem::bus() const {
  BusConfig config;
  config.project = BrokerServer::project();
  config.emulator_host = broker.host_and_port();
  return config;
}

std::vector<std::string> ElectionSystem::secrets() const {
  std::vector<std::string> all{redis.password(), postgres.password(), logger_key_text_};
  for (const auto& key : {keys_.submit, keys_.record, keys_.result}) {
    if (key) all.push_back(text_of_key(key->current));
  }
  return all;
}

MachineKeys ElectionSystem::machine_keys(std::int64_t machine) const {
  if (keys_.empty()) return {};
  return {.submit = derive_key(*keys_.submit, KeyUse::kSubmit, machine),
          .result = derive_key(*keys_.result, KeyUse::kResult, machine)};
}

Environment ElectionSystem::logger_environment() const {
  Environment own = together(extra_, variables_of({{"SUBMIT_KEY", keys_.submit},
                                                   {"RECORD_KEY", keys_.record},
                                                   {"RESULT_KEY", keys_.result}}));
  own["LOGGER_KEY"] = logger_key_text_;
  return together(together(std::move(own), broker.environment()), redis.environment());
}

Environment ElectionSystem::recorder_environment() const {
  const Environment own =
      together(extra_, variables_of({{"RECORD_KEY", keys_.record}, {"RESULT_KEY", keys_.result}}));
  return together(together(own, broker.environment()), postgres.environment());
}

Environment ElectionSystem::machine_environment(std::int64_t machine) const {
  const MachineKeys keys = machine_keys(machine);
  const Environment own = together(extra_, variables_of({{"MACHINE_SUBMIT_KEY", keys.submit},
                                                         {"MACHINE_RESULT_KEY", keys.result}}));
  return together(broker.environment(), own);
}

std::vector<VotingService*> ElectionSystem::services() const {
  std::vector<VotingService*> all;
  for (const auto& recorder : recorders) all.push_back(recorder.get());
  for (const auto& logger : loggers) all.push_back(logger.get());
  return all;
}

// Starts the recorders first: a logger is not ready before their subscription exists, and checks
// for it in growing pauses.
void ElectionSystem::start_services() {
  for (const auto* group : {&recorders, &loggers}) {
    for (const auto& service : *group) {
      if (!service->is_running()) service->launch();
    }
    for (const auto& service : *group) service->wait_until_ready(kReadyDeadline);
  }
}

bool ElectionSystem::wait_until_all_ready(std::chrono::milliseconds within) const {
  const auto all = services();
  return eventually(within, [&] {
    return std::ranges::all_of(all, [](const auto* service) { return service->is_ready(); });
  });
}

std::map<std::string, int> ElectionSystem::stop_services(std::chrono::milliseconds within) {
  std::map<std::string, int> codes;
  const auto deadline = std::chrono::steady_clock::now() + within;
  std::vector<VotingService*> running;
  for (VotingService* service : services()) {
    if (service->is_running()) running.push_back(service);
  }
  for (VotingService* service : running) service->signal(SIGTERM);
  for (VotingService* service : running) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    codes[service->name()] = service->wait_for_end(std::max(left, std::chrono::milliseconds(0)));
  }
  return codes;
}

std::unique_ptr<MachineProcess> ElectionSystem::launch_machine(MachineLoad load) const {
  auto machine =
      std::make_unique<MachineProcess>(folder_, machine_environment(load.machine), election_, load);
  machine->launch();
  return machine;
}

std::unique_ptr<BusMachine> ElectionSystem::bus_machine(std::int64_t machine) const {
  return std::make_unique<BusMachine>(bus(), topic(), election_, machine, machine_keys(machine));
}

std::vector<ElectionSystem::Row> ElectionSystem::rows() const {
  std::vector<Row> rows;
  for (const auto& row : postgres.query(
           fmt::format("SELECT machineid, voting, count(*) FROM votes WHERE electionid = {} "
                       "GROUP BY machineid, voting ORDER BY machineid, voting",
                       election_))) {
    rows.push_back(
        {.machine = std::stoll(row[0]), .choice = std::stoll(row[1]), .count = std::stoll(row[2])});
  }
  return rows;
}

std::int64_t ElectionSystem::row_count() const {
  std::int64_t count = 0;
  for (const Row& row : rows()) count += row.count;
  return count;
}

std::set<std::string> ElectionSystem::receipts() const {
  std::set<std::string> receipts;
  for (const auto& row : postgres.query(fmt::format(
           "SELECT encode(receipt, 'hex') FROM receipts WHERE electionid = {}", election_))) {
    receipts.insert(row[0]);
  }
  return receipts;
}

std::map<std::int64_t, std::string> ElectionSystem::marks() const {
  const std::string prefix = fmt::format("voted:{}:", election_);
  const auto keys = redis.keys(prefix + "*");
  std::map<std::int64_t, std::string> marks;
  if (keys.empty()) return marks;
  std::vector<std::string> command{"MGET"};
  command.insert(command.end(), keys.begin(), keys.end());
  const auto values = redis.command(command);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    marks[std::stoll(keys[i].substr(prefix.size()))] = values[i];
  }
  return marks;
}

}  // namespace pollbus::testing
