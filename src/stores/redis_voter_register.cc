#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/status.h"
#include "stores/redis_connection.h"
#include "stores/redis_errors.h"
#include "stores/voter_register.h"

namespace pollbus {
namespace {

// Bounds how long one script call keeps Redis busy; a larger batch takes several calls.
constexpr std::size_t kMaxMarksPerCall = 1'000;

// Database 0 holds marks and nothing else, so that DBSIZE is their number. This one holds the rest.
constexpr std::string_view kOwnDatabase = "1";
constexpr std::string_view kMarksDatabase = "0";
constexpr std::string_view kCountsKey = "pollbus:marks";
constexpr std::string_view kKeyCheckKey = "pollbus:key-check";

// Marks each voter unless it is marked, and counts the new marks in the same atomic step. KEYS are
// the voters' keys; ARGV is the database and the key of the counts, the election, and then one
// fingerprint for each voter. Returns what each key held before. An error about one key, such as
// WRONGTYPE, is its element of the reply and does not stop the others.
constexpr std::string_view kMarkScript = R"lua(
local before = {}
local fresh = 0
for i, key in ipairs(KEYS) do
  before[i] = redis.pcall('SET', key, ARGV[3 + i], 'NX', 'GET')
  if before[i] == false then fresh = fresh + 1 end
end
if fresh > 0 then
  redis.call('SELECT', ARGV[1])
  redis.call('HINCRBY', ARGV[2], ARGV[3], fresh)
end
return before
)lua";

std::string key_of(const Mark& mark) {
  return fmt::format("voted:{}:{}", mark.election, mark.voter);
}

std::string_view as_text(const KeyedHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::string_view text_of(const redisReply& reply) {
  return {reply.str, static_cast<std::size_t>(reply.len)};
}

std::optional<std::int64_t> number_in(const redisReply& reply) {
  const std::string_view text = text_of(reply);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_equal(std::string_view text, const KeyedHash& hash) {
  return text.size() == hash.size() && sodium_memcmp(text.data(), hash.data(), hash.size()) == 0;
}

// What became of `mark`, from what its key held before. An error concerns the server as a whole.
absl::StatusOr<MarkOutcome> outcome_of(const redisReply& before, const Mark& mark,
                                       const std::string& where) {
  switch (before.type) {
    case REDIS_REPLY_NIL:
      return MarkOutcome::kMarked;
    case REDIS_REPLY_STRING:
      if (before.len != mark.fingerprint.size()) return MarkOutcome::kRefused;
      return is_equal(text_of(before), mark.fingerprint) ? MarkOutcome::kSameVoteAgain
                                                         : MarkOutcome::kOtherVote;
    case REDIS_REPLY_ERROR:
      if (text_of(before).starts_with("WRONGTYPE")) return MarkOutcome::kRefused;
      return redis_error(where, text_of(before));
    default:
      return absl::UnavailableError(fmt::format("{} broke the protocol", where));
  }
}

// The indices of the marks of one election, at most kMaxMarksPerCall of them, in order.
struct Call {
  std::int64_t election = 0;
  std::vector<std::size_t> marks;
};

std::vector<Call> calls_for(std::span<const Mark> marks) {
  std::vector<Call> calls;
  std::map<std::int64_t, std::size_t> open;  // the call to add to, by election
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const auto [found, is_new] = open.try_emplace(marks[i].election, calls.size());
    if (!is_new && calls[found->second].marks.size() == kMaxMarksPerCall)
      found->second = calls.size();
    if (found->second == calls.size())
      calls.push_back({.election = marks[i].election, .marks = {}});
    calls[found->second].marks.push_back(i);
  }
  return calls;
}

// Reads the counts from the reply to HGETALL: names and values in turn.
absl::StatusOr<ElectionCounts> counts_in(const redisReply& reply, const std::string& where) {
  ElectionCounts counts;
  for (std::size_t i = 0; i + 1 < reply.elements; i += 2) {
    const auto election = number_in(*reply.element[i]);
    const auto count = number_in(*reply.element[i + 1]);
    if (!election || !count) {
      return absl::FailedPreconditionError(
          fmt::format("{} holds a key {} in database {} that does not count marks: another program "
                      "uses this server; give Pollbus one of its own",
                      where, kCountsKey, kOwnDatabase));
    }
    counts.by_election[*election] = *count;
  }
  return counts;
}

class RedisVoterRegister final : public VoterRegister {
 public:
  RedisVoterRegister(RedisConfig config, const KeyedHash& key_check)
      : config_(std::move(config)), key_check_(key_check) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    std::vector<MarkOutcome> outcomes(marks.size());
    const absl::Status status = connected([&](RedisConnection& connection) -> absl::Status {
      const std::vector<Call> calls = calls_for(marks);
      for (const Call& call : calls) RETURN_IF_ERROR(append(connection, call, marks));
      RETURN_IF_ERROR(connection.flush());
      const SteadyTime deadline = std::chrono::steady_clock::now() + config_.command_timeout;
      for (const Call& call : calls) {
        ASSIGN_OR_RETURN(const RedisReply reply, connection.read(deadline));
        RETURN_IF_ERROR(connection.error_in(reply));
        RETURN_IF_ERROR(read_outcomes(*reply, call, marks, connection.where(), outcomes));
      }
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return outcomes;
  }

  absl::Status check() override {
    return connected([&](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(
          const RedisReply before,
          in_own_database(connection, {"SET", kKeyCheckKey, as_text(key_check_), "NX", "GET"}));
      if (before->type == REDIS_REPLY_NIL) return absl::OkStatus();
      if (is_equal(text_of(*before), key_check_)) return absl::OkStatus();
      return absl::FailedPreconditionError(fmt::format(
          "{} holds marks that were made with another LOGGER_KEY: give this logger the key of the "
          "other loggers, or for a new election an empty Redis",
          connection.where()));
    });
  }

  absl::StatusOr<ElectionCounts> counts() override {
    ElectionCounts counts;
    const absl::Status status = connected([&](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const RedisReply reply,
                       in_own_database(connection, {"HGETALL", kCountsKey}));
      ASSIGN_OR_RETURN(counts, counts_in(*reply, connection.where()));
      // Asked last, because marks that are made meanwhile only add to it.
      ASSIGN_OR_RETURN(const RedisReply size, connection.call({"DBSIZE"}));
      RETURN_IF_ERROR(connection.error_in(size));
      std::int64_t counted = 0;
      for (const auto& [election, count] : counts.by_election) counted += count;
      counts.missing = std::max<std::int64_t>(0, counted - size->integer);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return counts;
  }

 private:
  // Calls `use` with a connection and drops the connection after any failure, because replies to
  // the commands under way could be taken for those to later commands.
  template <typename Use>
  absl::Status connected(const Use& use) {
    if (!connection_) {
      ASSIGN_OR_RETURN(connection_, RedisConnection::open(config_));
    }
    absl::Status status = use(*connection_);
    if (!status.ok()) connection_.reset();
    return status;
  }

  static absl::Status append(RedisConnection& connection, const Call& call,
                             std::span<const Mark> marks) {
    const std::string key_count = std::to_string(call.marks.size());
    const std::string election = std::to_string(call.election);
    std::vector<std::string> keys;
    for (const std::size_t i : call.marks) keys.push_back(key_of(marks[i]));
    std::vector<std::string_view> command = {"EVAL", kMarkScript, key_count};
    command.insert(command.end(), keys.begin(), keys.end());
    command.insert(command.end(), {kOwnDatabase, kCountsKey, election});
    for (const std::size_t i : call.marks) command.push_back(as_text(marks[i].fingerprint));
    return connection.append(command);
  }

  static absl::Status read_outcomes(const redisReply& reply, const Call& call,
                                    std::span<const Mark> marks, const std::string& where,
                                    std::vector<MarkOutcome>& outcomes) {
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != call.marks.size())
      return absl::UnavailableError(fmt::format("{} broke the protocol", where));
    std::size_t element = 0;
    for (const std::size_t i : call.marks) {
      ASSIGN_OR_RETURN(outcomes[i], outcome_of(*reply.element[element++], marks[i], where));
    }
    return absl::OkStatus();
  }

  // Runs one command in kOwnDatabase and returns its reply, which is no error.
  static absl::StatusOr<RedisReply> in_own_database(RedisConnection& connection,
                                                    const std::vector<std::string_view>& command) {
    ASSIGN_OR_RETURN(const RedisReply there, connection.call({"SELECT", kOwnDatabase}));
    RETURN_IF_ERROR(connection.error_in(there));
    ASSIGN_OR_RETURN(RedisReply reply, connection.call(command));
    RETURN_IF_ERROR(connection.error_in(reply));
    ASSIGN_OR_RETURN(const RedisReply back, connection.call({"SELECT", kMarksDatabase}));
    RETURN_IF_ERROR(connection.error_in(back));
    return reply;
  }

  RedisConfig config_;
  const KeyedHash key_check_;
  std::optional<RedisConnection> connection_;
};

struct DurabilityRule {
  std::string_view setting;
  std::string_view safe;
  std::string_view danger;
};

constexpr DurabilityRule kDurabilityRules[] = {
    {"appendonly", "yes", "Redis forgets marks when it restarts"},
    {"appendfsync", "always", "Redis answers before a mark is on disk"},
    {"no-appendfsync-on-rewrite", "no", "Redis answers before a mark is on disk during rewrites"},
    {"maxmemory-policy", "noeviction", "Redis may evict marks when its memory is full"},
};

// The setting's value, or nothing if the server does not say: managed servers rename or forbid
// CONFIG.
std::optional<std::string> setting_of(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2) return std::nullopt;
  const redisReply& value = *reply.element[1];
  if (value.type != REDIS_REPLY_STRING) return std::nullopt;
  return std::string(value.str, value.len);
}

}  // namespace

std::unique_ptr<VoterRegister> make_redis_voter_register(RedisConfig config,
                                                         const KeyedHash& key_check) {
  return std::make_unique<RedisVoterRegister>(std::move(config), key_check);
}

absl::StatusOr<std::vector<std::string>> redis_durability_warnings(const RedisConfig& config) {
  ASSIGN_OR_RETURN(RedisConnection connection, RedisConnection::open(config));
  std::vector<std::string> warnings;
  for (const DurabilityRule& rule : kDurabilityRules) {
    ASSIGN_OR_RETURN(const RedisReply reply, connection.call({"CONFIG", "GET", rule.setting}));
    const std::optional<std::string> value = setting_of(*reply);
    if (!value || *value == rule.safe) continue;
    warnings.push_back(
        fmt::format("{} is {}: {} (set it to {})", rule.setting, *value, rule.danger, rule.safe));
  }
  return warnings;
}

}  // namespace pollbus
