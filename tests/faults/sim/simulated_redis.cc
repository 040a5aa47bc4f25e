#include "faults/sim/simulated_redis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "base/status.h"
#include "election/event.h"
#include "election/sha256.h"
#include "faults/sim/electorate.h"
#include "stores/redis_scripts.h"

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;

// What a store loses in a crash if it answers before its disk has the data.
constexpr milliseconds kNotSynced{1'000};
constexpr std::size_t kMarksDatabase = 0;
constexpr std::size_t kOwnDatabase = 1;
constexpr char kMarkPrefix[] = "voted:";
constexpr std::size_t kSignatureDigits = 128;
constexpr milliseconds kConnectLatency{1};
// Voters that may be drawn, and some more.
constexpr std::int64_t kMostVoters = 100;

// Shared by the elections of a thread, because compiling takes longer than running.
RedisScripting& scripting() {
  thread_local RedisScripting scripting;
  return scripting;
}

std::string name_of(std::string_view script) { return to_hex(sha256(script)).substr(0, 40); }

const std::string& name_of_mark() {
  static const std::string kName = name_of(redis_scripts::kMark);
  return kName;
}

// Election and voter of a mark's key; nothing for another key.
std::optional<std::pair<std::int64_t, std::int64_t>> voter_of(const std::string& key) {
  if (!key.starts_with(kMarkPrefix)) return std::nullopt;
  const std::size_t colon = key.find(':', sizeof kMarkPrefix - 1);
  return std::pair(std::stoll(key.substr(sizeof kMarkPrefix - 1)),
                   std::stoll(key.substr(colon + 1)));
}

// The commands in bytes of the protocol that hiredis wrote.
std::vector<std::vector<std::string>> commands_in(const std::string& bytes) {
  std::vector<std::vector<std::string>> commands;
  std::size_t at = 0;
  const auto number = [&] {
    const std::size_t end = bytes.find("\r\n", at);
    const std::size_t value = std::stoul(bytes.substr(at + 1, end - at - 1));
    at = end + 2;
    return value;
  };
  while (at < bytes.size()) {
    std::vector<std::string> words(number());
    for (std::string& word : words) {
      const std::size_t size = number();
      word = bytes.substr(at, size);
      at += size + 2;
    }
    commands.push_back(std::move(words));
  }
  return commands;
}

std::string edited(std::string script, const std::vector<ScriptEdit>& edits) {
  for (const ScriptEdit& edit : edits) {
    const std::size_t found = script.find(edit.find);
    if (found != std::string::npos) script.replace(found, edit.find.size(), edit.replacement);
  }
  return script;
}

}  // namespace

SimulatedRedis::SimulatedRedis(World& world, const Profile& profile, Network& network,
                               const Mutant& mutant, std::string name)
    : world_(world),
      profile_(profile),
      network_(network),
      mutant_(mutant),
      server_{.name = std::move(name)} {
  server_.on_crash = [this] { crash(); };
  data_.overwrites = mutant.redis_overwrites;
  data_.time = [this] {
    has_told_time_ = true;
    return time();
  };
  data_.on_text = [this](const std::string& key) {
    marked_at_[key] = world_.now();
    if (world_.is_traced()) world_.trace(fmt::format("{}: {} is marked", server_.name, key));
  };
  data_.on_append = [this](const std::string&, const std::string& event) { note_event(event); };
  for (std::int64_t voter = 0; voter < kMostVoters; ++voter) {
    if (!refuses(voter)) continue;
    data_.database(kMarksDatabase)[fmt::format("{}{}:{}", kMarkPrefix, kElection, voter)] =
        RedisData::List{"of another program"};
  }
}

bool SimulatedRedis::refuses(std::int64_t voter) const {
  constexpr double kSpread = 0.6180339887;  // of the golden ratio: spreads small numbers evenly
  return std::fmod(static_cast<double>(voter + 1) * kSpread, 1) < profile_.refused_voters;
}

std::int64_t SimulatedRedis::now_ms() const {
  const milliseconds ahead = mutant_.redis_time_of_client ? clock_of_client_ : clock_ahead_;
  return std::chrono::duration_cast<milliseconds>((world_.wall_now() + ahead).time_since_epoch())
      .count();
}

RedisAnswer SimulatedRedis::time() const {
  const std::int64_t ms = now_ms();
  RedisAnswer answer{.kind = RedisAnswer::Kind::kList};
  for (const std::int64_t part : {ms / 1'000, ms % 1'000 * 1'000})
    answer.list.push_back({.kind = RedisAnswer::Kind::kText, .text = std::to_string(part)});
  return answer;
}

absl::Status SimulatedRedis::open(const redisContext* connection) {
  const Process& process = *world_.running();
  world_.sleep(kConnectLatency);
  if (!server_.is_up || process.loses_requests || process.loses_answers)
    return absl::UnavailableError("no connection to " + server_.name);
  connections_[connection] = std::make_shared<Connection>(Connection{kOwnDatabase, {}});
  return absl::OkStatus();
}

absl::StatusOr<std::string> SimulatedRedis::send(const redisContext* connection,
                                                 const std::string& bytes) {
  const std::shared_ptr<Connection> its = connections_.at(connection);
  const Commands commands = commands_in(bytes);
  std::string answers;
  // What every connection begins with goes along with the connection itself.
  const bool is_greeting =
      commands.size() == 1 && (commands.front()[0] == "SELECT" || commands.front()[0] == "SCRIPT");
  if (is_greeting) {
    if (!server_.is_up) return absl::UnavailableError(server_.name + " is away");
    return encoded(execute(*its, commands.front()));
  }
  absl::Status status = request(commands, its, &answers);
  if (!status.ok()) return status;
  return answers;
}

absl::Status SimulatedRedis::request(const Commands& commands,
                                     std::shared_ptr<Connection> connection, std::string* answers) {
  const auto all = std::make_shared<std::string>();
  auto old = std::make_shared<RedisData::Database>();
  const bool is_mark = commands.front()[0] == "EVALSHA" && commands.front()[1] == name_of_mark();
  if (is_mark && mutant_.redis_state_is_old) {
    absl::Status read = network_.request(server_, [this, old](Extent) {
      *old = data_.database(kOwnDatabase);
      return absl::OkStatus();
    });
    if (!read.ok()) return read;
  }
  const milliseconds clock_of_client = world_.running()->clock_ahead;
  auto apply = [this, commands, connection = std::move(connection), all, old, is_mark,
                clock_of_client](Extent extent) {
    clock_of_client_ = clock_of_client;
    if (is_mark && mutant_.redis_state_is_old) data_.old_elections = old.get();
    // If the connection breaks, the first commands of the pipeline are applied.
    const std::size_t count =
        extent == Extent::kAll ? commands.size() : world_.random().below(commands.size() + 1);
    for (std::size_t i = 0; i < count; ++i) *all += encoded(execute(*connection, commands[i]));
    data_.old_elections = nullptr;
    return absl::OkStatus();
  };
  absl::Status status = network_.request(server_, std::move(apply));
  if (status.ok()) *answers = std::move(*all);
  return status;
}

RedisAnswer SimulatedRedis::execute(Connection& connection,
                                    const std::vector<std::string>& command) {
  if (command[0] == "EVALSHA") {
    has_told_time_ = false;
    RedisAnswer answer = run_script(connection, command);
    if (has_told_time_) note_clock();
    return answer;
  }
  if (command[0] != "SCRIPT") return data_.execute(&connection.database, command);
  std::string name = name_of(command.at(2));
  scripts_.try_emplace(name, edited(command.at(2), mutant_.redis_scripts));
  connection.scripts.insert(name);
  return {.kind = RedisAnswer::Kind::kText, .text = std::move(name)};
}

RedisAnswer SimulatedRedis::run_script(const Connection& connection,
                                       const std::vector<std::string>& command) {
  if (!connection.scripts.contains(command.at(1)))
    return {.kind = RedisAnswer::Kind::kError, .text = "NOSCRIPT No matching script."};
  RedisAnswer answer = scripting().run(scripts_.at(command[1]), data_, connection.database,
                                       RedisData::Words(command).subspan(3));
  // The scripts must not fail: this is a mistake in them, or a command that is not simulated.
  if (answer.kind == RedisAnswer::Kind::kError && answer.text.starts_with("ERR"))
    throw std::runtime_error(answer.text);
  if (world_.is_traced() && command[1] == name_of_mark())
    world_.trace(fmt::format("{}: marks: {}", server_.name, answer.text));
  return answer;
}

// Written from docs/elections.md, and not with the functions that the services use.
void SimulatedRedis::note_event(const std::string& text) {
  const auto event = parse_event(std::string_view(text).substr(kSignatureDigits));
  if (!event.ok()) throw std::runtime_error("redis holds something that is not an event");
  Life& life = lives_[event->election];
  switch (event->kind) {
    case EventKind::kDefine:
      life = {.is_defined = true, .lacks_roll = event->definition->needs_roll()};
      if (event->definition->opens) life.opens_ms = event->definition->opens->utc_ms;
      if (event->definition->closes) life.closes_ms = event->definition->closes->utc_ms;
      break;
    case EventKind::kRoll:
      life.lacks_roll = false;
      break;
    case EventKind::kOpen:
      life.is_open = true;
      break;
    case EventKind::kPause:
      life.is_open = true;
      life.is_paused = true;
      break;
    case EventKind::kResume:
      life.is_paused = false;
      break;
    case EventKind::kExtend:
      life.closes_ms = event->closes->utc_ms;
      life.was_past_closing = false;
      break;
    case EventKind::kClose:
      life.is_closed = true;
      break;
    case EventKind::kAddVoter:
    case EventKind::kSeal:
    case EventKind::kCertify:
      break;
  }
  if (world_.is_traced())
    world_.trace(
        fmt::format("{}: event {}, {}", server_.name, event->sequence, to_text(event->kind)));
  if (event->kind == EventKind::kDefine)
    steps_.push_back({.election = event->election, .t_us = world_.now_us()});
  note_clock();
}

// Notes the elections that have opened or closed, by the clock or by an event. By the clock only
// after a script that has read the time, which makes a closing final: if the clock is set back
// before any script has read it, the election is still open.
void SimulatedRedis::note_clock() {
  for (auto& [election, life] : lives_) {
    const std::int64_t ms = std::chrono::duration_cast<milliseconds>(
                                (world_.wall_now() + clock_ahead_).time_since_epoch())
                                .count();
    if (life.closes_ms && ms >= *life.closes_ms) life.was_past_closing = true;
    const bool opens_by_clock = life.opens_ms && ms >= *life.opens_ms && !life.lacks_roll;
    const bool is_open = !life.is_closed && !life.was_past_closing && !life.is_paused &&
                         (life.is_open || opens_by_clock);
    if (is_open == life.was_open) continue;
    life.was_open = is_open;
    steps_.push_back({.election = election, .t_us = world_.now_us(), .is_open = is_open});
    if (world_.is_traced())
      world_.trace(
          fmt::format("{}: the election {}", server_.name, is_open ? "is open" : "takes no votes"));
  }
}

void SimulatedRedis::crash() {
  for (auto& [context, connection] : connections_) connection->scripts.clear();
  if (!mutant_.redis_forgets) return;
  std::erase_if(data_.database(kMarksDatabase), [&](const auto& entry) {
    const auto marked = marked_at_.find(entry.first);
    return marked != marked_at_.end() && marked->second + kNotSynced > world_.now();
  });
}

void SimulatedRedis::add_marks_to(Evidence* evidence) const {
  for (const auto& [key, value] : data_.database(kMarksDatabase)) {
    const auto voter = voter_of(key);
    const auto* const fingerprint = std::get_if<std::string>(&value);
    if (!voter || fingerprint == nullptr) continue;
    StoredMark mark{.election = voter->first, .voter = voter->second};
    if (fingerprint->size() != mark.fingerprint.size())
      throw std::runtime_error("a mark is not a fingerprint");
    std::ranges::copy(*fingerprint, mark.fingerprint.begin());
    if (const auto at = marked_at_.find(key); at != marked_at_.end()) {
      mark.t_us =
          std::chrono::duration_cast<std::chrono::microseconds>(at->second.time_since_epoch())
              .count();
    }
    evidence->marks.push_back(mark);
  }
}

}  // namespace pollbus::faults
