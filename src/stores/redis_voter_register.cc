#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "base/byte_order.h"
#include "base/status.h"
#include "stores/redis_roll.h"
#include "stores/redis_scripts.h"
#include "stores/redis_servers.h"
#include "stores/redis_session.h"
#include "stores/voter_register.h"

namespace pollbus {
namespace {

// Bounds how long one script call keeps Redis busy; a larger batch takes several calls.
constexpr std::size_t kMaxMarksPerCall = 1'000;
// The rules of an election are learned at its first vote and hardly ever change.
constexpr int kMaxAttempts = 3;
// Of a voter's number in a key.
constexpr std::size_t kMaxDigits = 20;

constexpr std::string_view kCountsKey = "pollbus:marks";

enum Script : std::size_t { kMark, kIdentify };

std::string_view as_text(const KeyedHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

bool is_equal(std::string_view text, const KeyedHash& hash) {
  return text.size() == hash.size() && sodium_memcmp(text.data(), hash.data(), hash.size()) == 0;
}

// The letters of redis_scripts::kMark.
std::optional<MarkOutcome> outcome_of(char letter) {
  switch (letter) {
    case 'm':
      return MarkOutcome::kMarked;
    case 's':
      return MarkOutcome::kSameVoteAgain;
    case 'o':
      return MarkOutcome::kOtherVote;
    case 'r':
      return MarkOutcome::kRefused;
    case 'n':
      return MarkOutcome::kNotOpen;
    case 'p':
      return MarkOutcome::kPaused;
    case 'c':
      return MarkOutcome::kClosed;
    case 'u':
      return MarkOutcome::kNotDefined;
    case 'l':
      return MarkOutcome::kNotOnRoll;
    case 'k':
      return MarkOutcome::kWrongCode;
    case 'x':
      return MarkOutcome::kNoSuchChoice;
    default:
      return std::nullopt;
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

// What this process remembers of a defined election. Redis says so if it is out of date.
struct KnownElection {
  std::string version;
  std::unordered_set<std::int64_t> choices;
  std::string roll;  // the beginning of the keys; empty if everyone may vote
  std::int64_t buckets = 1;
  bool has_codes = false;
  bool is_readable = true;  // false: the key of its choices holds something else
};

// The arguments of one call of kMark that are made up for it.
struct MarkArguments {
  MarkArguments(const Call& call, std::span<const Mark> marks, const KnownElection* known)
      : election(std::to_string(call.election)), count(std::to_string(call.marks.size())) {
    const std::string prefix = "voted:" + election + ":";
    std::vector<std::int64_t> voters;
    voters.reserve(call.marks.size());
    keys.reserve(call.marks.size());
    all_keys.reserve(call.marks.size() * (prefix.size() + kMaxDigits));
    for (const std::size_t i : call.marks) {
      voters.push_back(marks[i].voter);
      const fmt::format_int digits(marks[i].voter);
      const std::size_t begin = all_keys.size();
      all_keys.append(prefix).append(digits.data(), digits.size());
      keys.push_back(std::string_view(all_keys).substr(begin));
      if (known != nullptr) add_checks(marks[i], *known);
    }
    std::ranges::sort(voters);
    is_distinct = std::ranges::adjacent_find(voters) == voters.end();
  }
  MarkArguments(const MarkArguments&) = delete;
  MarkArguments& operator=(const MarkArguments&) = delete;

  void add_checks(const Mark& mark, const KnownElection& known) {
    const int has_choice = known.choices.contains(mark.choice) ? 1 : 0;
    const int has_code = mark.code_hash ? 2 : 0;
    flags += static_cast<char>('0' + has_choice + has_code);
    if (known.has_codes) append_big_endian(codes, mark.code_hash.value_or(0));
    if (known.roll.empty()) return;
    places.push_back(known.roll + std::to_string(redis_roll::bucket_of(mark.voter, known.buckets)));
    places.push_back(std::to_string(redis_roll::field_of(mark.voter, known.buckets)));
  }

  std::string election;
  std::string count;
  std::string flags;
  std::string codes;
  bool is_distinct = false;
  std::string all_keys;                // the bytes of keys
  std::vector<std::string_view> keys;  // of the marks
  std::vector<std::string> places;     // bucket and field of each voter
};

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
                      where, kCountsKey, RedisSession::kOwnDatabase));
    }
    counts.by_election[*election] = *count;
  }
  return counts;
}

// What a server must say about itself; empty if it is the only one.
std::string identity_of(const RedisConfig& config) {
  if (config.servers == 1) return {};
  return fmt::format("{} of {}", config.number, config.servers);
}

std::string described(std::string_view identity) {
  return identity.empty() ? "the only server of its register"
                          : fmt::format("server {} of its register", identity);
}

class RedisVoterRegister final : public RedisVoterServer {
 public:
  RedisVoterRegister(RedisConfig config, const KeyedHash& key_check)
      : session_(std::move(config), {redis_scripts::kMark, redis_scripts::kIdentify}),
        key_check_(key_check) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    RETURN_IF_ERROR(send(marks));
    return receive();
  }

  absl::Status send(std::span<const Mark> marks) override {
    marks_ = marks;
    calls_ = calls_for(marks);
    // What could not be read may have been repaired.
    std::erase_if(known_, [](const auto& known) { return !known.second.is_readable; });
    return session_.connected([&](RedisConnection& connection) { return send(connection); });
  }

  absl::StatusOr<std::vector<MarkOutcome>> receive() override {
    std::vector<MarkOutcome> outcomes(marks_.size());
    absl::Status status = session_.connected(
        [&](RedisConnection& connection) { return receive(connection, outcomes); });
    if (!status.ok()) return status;
    return outcomes;
  }

  absl::StatusOr<std::int64_t> elections() override {
    std::int64_t elections = 0;
    absl::Status status = session_.connected([&](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const RedisReply reply,
                       answer_to(connection, {"SMEMBERS", "pollbus:elections"}));
      elections = static_cast<std::int64_t>(reply->elements);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return elections;
  }

  absl::StatusOr<std::chrono::milliseconds> now() override {
    std::chrono::milliseconds now{};
    absl::Status status = session_.connected([&](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const RedisReply reply, answer_to(connection, {"TIME"}));
      if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return protocol_error(connection);
      const auto seconds = number_in(*reply->element[0]);
      const auto microseconds = number_in(*reply->element[1]);
      if (!seconds || !microseconds) return protocol_error(connection);
      now = std::chrono::milliseconds(*seconds * 1'000 + *microseconds / 1'000);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return now;
  }

  absl::Status check() override {
    return session_.connected([&](RedisConnection& connection) -> absl::Status {
      const std::string expected = identity_of(session_.config());
      ASSIGN_OR_RETURN(const RedisReply found,
                       answer_to(connection, {"EVALSHA", session_.script(kIdentify), "0",
                                              as_text(key_check_), expected}));
      if (found->type != REDIS_REPLY_ARRAY || found->elements != 2)
        return protocol_error(connection);
      if (!is_equal(text_of(*found->element[0]), key_check_)) {
        return absl::FailedPreconditionError(fmt::format(
            "{} holds marks that were made with another LOGGER_KEY: give this logger the key of "
            "the other loggers, or for a new election an empty Redis",
            connection.where()));
      }
      const std::string_view identity = text_of(*found->element[1]);
      if (identity == expected) return absl::OkStatus();
      return absl::FailedPreconditionError(fmt::format(
          "{} is {}, and this logger's settings make it {}: REDIS_HOSTS must name all servers of a "
          "register, in the same order for every logger, and must not change while they hold marks",
          connection.where(), described(identity), described(expected)));
    });
  }

  absl::StatusOr<ElectionCounts> counts() override {
    ElectionCounts counts;
    absl::Status status = session_.connected([&](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const RedisReply reply, answer_to(connection, {"HGETALL", kCountsKey}));
      ASSIGN_OR_RETURN(counts, counts_in(*reply, connection.where()));
      // Asked last, because marks that are made meanwhile only add to it.
      ASSIGN_OR_RETURN(const std::int64_t size, number_of_marks(connection));
      std::int64_t counted = 0;
      for (const auto& [election, count] : counts.by_election) counted += count;
      counts.missing = std::max<std::int64_t>(0, counted - size);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return counts;
  }

 private:
  absl::Status send(RedisConnection& connection) {
    for (const Call& call : calls_) RETURN_IF_ERROR(append(connection, call, marks_));
    return connection.flush();
  }

  absl::Status receive(RedisConnection& connection, std::vector<MarkOutcome>& outcomes) {
    for (int attempt = 1; attempt <= kMaxAttempts; ++attempt) {
      ASSIGN_OR_RETURN(calls_, receive_once(connection, outcomes));
      if (calls_.empty()) return absl::OkStatus();
      for (const Call& call : calls_) RETURN_IF_ERROR(learn(connection, call.election));
      if (attempt < kMaxAttempts) RETURN_IF_ERROR(send(connection));
    }
    return absl::UnavailableError("the rules of an election keep changing");
  }

  // Returns the calls that were in vain, because this process did not know the rules of the
  // election.
  absl::StatusOr<std::vector<Call>> receive_once(RedisConnection& connection,
                                                 std::vector<MarkOutcome>& outcomes) {
    const SteadyTime deadline =
        std::chrono::steady_clock::now() + session_.config().command_timeout;
    std::vector<Call> in_vain;
    for (const Call& call : calls_) {
      ASSIGN_OR_RETURN(const RedisReply reply, connection.read(deadline));
      RETURN_IF_ERROR(connection.error_in(reply));
      if (reply->type == REDIS_REPLY_ARRAY) {
        in_vain.push_back(call);
      } else {
        RETURN_IF_ERROR(read_outcomes(connection, *reply, call, outcomes));
      }
    }
    return in_vain;
  }

  absl::Status append(RedisConnection& connection, const Call& call, std::span<const Mark> marks) {
    const auto found = known_.find(call.election);
    const KnownElection* const known = found == known_.end() ? nullptr : &found->second;
    const MarkArguments arguments(call, marks, known);
    const std::string_view version = known == nullptr ? "" : std::string_view(known->version);
    const std::string_view rule = rule_for(known);
    std::vector<std::string_view> command = {"EVALSHA",
                                             session_.script(kMark),
                                             "0",
                                             arguments.election,
                                             version,
                                             rule,
                                             arguments.count,
                                             arguments.flags,
                                             arguments.codes,
                                             arguments.is_distinct ? "distinct" : ""};
    command.reserve(command.size() + 4 * call.marks.size());
    for (std::size_t i = 0; i < call.marks.size(); ++i) {
      command.push_back(arguments.keys[i]);
      command.push_back(as_text(marks[call.marks[i]].fingerprint));
    }
    command.insert(command.end(), arguments.places.begin(), arguments.places.end());
    return connection.append(command);
  }

  // What the script is to do with the votes of an election, beside what Redis knows of it.
  std::string_view rule_for(const KnownElection* known) const {
    if (known != nullptr && !known->is_readable) return "unreadable";
    return session_.config().only_defined_elections ? "defined" : "any";
  }

  static absl::Status read_outcomes(const RedisConnection& connection, const redisReply& reply,
                                    const Call& call, std::vector<MarkOutcome>& outcomes) {
    const std::string_view letters = text_of(reply);
    if (letters.size() != call.marks.size()) return protocol_error(connection);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const auto outcome = outcome_of(letters[i]);
      if (!outcome) return protocol_error(connection);
      outcomes[call.marks[i]] = *outcome;
    }
    return absl::OkStatus();
  }

  // Reads the rules of an election. A vote is checked against them only if Redis has the same when
  // it marks.
  absl::Status learn(RedisConnection& connection, std::int64_t election) {
    const std::string id = std::to_string(election);
    ASSIGN_OR_RETURN(const RedisReply state,
                     answer_to(connection, {"HMGET", "pollbus:election:" + id, "version", "roll",
                                            "buckets", "codes"}));
    ASSIGN_OR_RETURN(const RedisReply choices,
                     connection.call({"SMEMBERS", "pollbus:choices:" + id}));
    absl::Status error = connection.error_in(choices);
    if (!error.ok() && !absl::IsFailedPrecondition(error)) return error;
    if (state->type != REDIS_REPLY_ARRAY || state->elements != 4) return protocol_error(connection);
    KnownElection known{.version = std::string(text_of(*state->element[0])),
                        .has_codes = state->element[3]->type == REDIS_REPLY_STRING,
                        .is_readable = error.ok()};
    if (const std::string roll(text_of(*state->element[1])); !roll.empty()) {
      known.roll = redis_roll::prefix(election, roll);
      known.buckets = std::max<std::int64_t>(1, number_in(*state->element[2]).value_or(1));
    }
    for (std::size_t i = 0; i < choices->elements; ++i) {
      const auto choice = number_in(*choices->element[i]);
      if (choice) known.choices.insert(*choice);
      known.is_readable = known.is_readable && choice;
    }
    known_[election] = std::move(known);
    return absl::OkStatus();
  }

  static absl::StatusOr<std::int64_t> number_of_marks(RedisConnection& connection) {
    RETURN_IF_ERROR(answer_to(connection, {"SELECT", RedisSession::kMarksDatabase}).status());
    ASSIGN_OR_RETURN(const RedisReply size, answer_to(connection, {"DBSIZE"}));
    RETURN_IF_ERROR(answer_to(connection, {"SELECT", RedisSession::kOwnDatabase}).status());
    return size->integer;
  }

  RedisSession session_;
  const KeyedHash key_check_;
  std::map<std::int64_t, KnownElection> known_;  // only elections that the office has defined
  std::span<const Mark> marks_;                  // of the last send()
  std::vector<Call> calls_;                      // whose replies have not been read
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

absl::Status add_durability_warnings(const RedisConfig& server,
                                     std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(RedisConnection connection, RedisConnection::open(server));
  const std::string where = server.servers == 1 ? "" : connection.where() + ": ";
  for (const DurabilityRule& rule : kDurabilityRules) {
    ASSIGN_OR_RETURN(const RedisReply reply, connection.call({"CONFIG", "GET", rule.setting}));
    const std::optional<std::string> value = setting_of(*reply);
    if (!value || *value == rule.safe) continue;
    warnings->push_back(fmt::format("{}{} is {}: {} (set it to {})", where, rule.setting, *value,
                                    rule.danger, rule.safe));
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<RedisVoterServer> make_redis_voter_server(RedisConfig server,
                                                          const KeyedHash& key_check) {
  return std::make_unique<RedisVoterRegister>(std::move(server), key_check);
}

absl::StatusOr<std::vector<std::string>> redis_durability_warnings(const RedisConfig& config) {
  std::vector<std::string> warnings;
  for (const RedisConfig& server : servers_of(config))
    RETURN_IF_ERROR(add_durability_warnings(server, &warnings));
  return warnings;
}

}  // namespace pollbus
