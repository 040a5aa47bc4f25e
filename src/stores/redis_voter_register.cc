#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <optional>

#include "base/status.h"
#include "stores/redis_connection.h"
#include "stores/voter_register.h"

namespace pollbus {
namespace {

// Commands on their way at once; a larger batch takes several round trips.
constexpr std::size_t kMaxMarksPerRoundTrip = 2'000;

// Never exists: checks write to it only if it does.
constexpr std::string_view kProbeKey = "voted:probe";

std::string key_of(const Mark& mark) {
  return fmt::format("voted:{}:{}", mark.election, mark.voter);
}

std::string_view as_text(const KeyedHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// What the reply to SET … NX GET, the value that was there before, tells of `mark`.
absl::StatusOr<MarkOutcome> outcome_of(const redisReply& reply, const Mark& mark,
                                       const std::string& where) {
  if (reply.type == REDIS_REPLY_NIL) return MarkOutcome::kMarked;
  if (reply.type != REDIS_REPLY_STRING || reply.len != mark.fingerprint.size()) {
    return absl::FailedPreconditionError(
        fmt::format("{} holds a key voted:{}:<voter> that is no mark of ours: another program uses "
                    "this database; give Pollbus one of its own",
                    where, mark.election));
  }
  return sodium_memcmp(reply.str, mark.fingerprint.data(), mark.fingerprint.size()) == 0
             ? MarkOutcome::kSameVoteAgain
             : MarkOutcome::kOtherVote;
}

class RedisVoterRegister final : public VoterRegister {
 public:
  explicit RedisVoterRegister(RedisConfig config) : config_(std::move(config)) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    std::vector<MarkOutcome> outcomes;
    outcomes.reserve(marks.size());
    const absl::Status status = connected([&](RedisConnection& connection) -> absl::Status {
      for (std::size_t done = 0; done < marks.size(); done = outcomes.size()) {
        const std::size_t count = std::min(marks.size() - done, kMaxMarksPerRoundTrip);
        RETURN_IF_ERROR(mark_in_one_round_trip(connection, marks.subspan(done, count), outcomes));
      }
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return outcomes;
  }

  absl::Status check() override {
    return connected([](RedisConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const RedisReply reply, connection.call({"SET", kProbeKey, "", "XX"}));
      return connection.error_in(reply);
    });
  }

 private:
  // Runs `use` on a connection, and drops that after any failure: what is still on its way belongs
  // to commands that nobody waits for any more.
  template <typename Use>
  absl::Status connected(const Use& use) {
    if (!connection_) {
      ASSIGN_OR_RETURN(connection_, RedisConnection::open(config_));
    }
    absl::Status status = use(*connection_);
    if (!status.ok()) connection_.reset();
    return status;
  }

  absl::Status mark_in_one_round_trip(RedisConnection& connection, std::span<const Mark> marks,
                                      std::vector<MarkOutcome>& outcomes) {
    for (const Mark& mark : marks) {
      RETURN_IF_ERROR(
          connection.append({"SET", key_of(mark), as_text(mark.fingerprint), "NX", "GET"}));
    }
    RETURN_IF_ERROR(connection.flush());
    const SteadyTime deadline = std::chrono::steady_clock::now() + config_.command_timeout;
    for (const Mark& mark : marks) {
      ASSIGN_OR_RETURN(const RedisReply reply, connection.read(deadline));
      RETURN_IF_ERROR(connection.error_in(reply));
      ASSIGN_OR_RETURN(const MarkOutcome outcome, outcome_of(*reply, mark, connection.where()));
      outcomes.push_back(outcome);
    }
    return absl::OkStatus();
  }

  RedisConfig config_;
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

// The setting's value, or nothing when the server will not say: managed servers rename CONFIG or
// forbid it.
std::optional<std::string> setting_of(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2) return std::nullopt;
  const redisReply& value = *reply.element[1];
  if (value.type != REDIS_REPLY_STRING) return std::nullopt;
  return std::string(value.str, value.len);
}

}  // namespace

std::unique_ptr<VoterRegister> make_redis_voter_register(RedisConfig config) {
  return std::make_unique<RedisVoterRegister>(std::move(config));
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
