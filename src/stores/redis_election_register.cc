#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/byte_order.h"
#include "base/status.h"
#include "stores/election_register.h"
#include "stores/redis_roll.h"
#include "stores/redis_scripts.h"
#include "stores/redis_servers.h"
#include "stores/redis_session.h"

namespace pollbus {
namespace {

// Bounds how long one script call keeps Redis busy.
constexpr std::int64_t kBucketsRemovedPerCall = 1'000;

enum Script : std::size_t { kRead, kAppend, kStage, kRemove, kCount };

using redis_roll::bucket_of;
using redis_roll::buckets_for;
using redis_roll::field_of;
using redis_roll::name_of;

std::string value_of(const RollEntry& voter) {
  std::string value;
  if (voter.code_hash) append_big_endian(value, *voter.code_hash);
  return value;
}

std::string number_text(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : std::string();
}

using Fields = std::vector<std::pair<std::string_view, std::string>>;

std::string roll_name(const ElectionState& state) {
  return state.roll ? name_of(state.roll->hash) : redis_roll::kNone;
}

// The number of buckets on one of so many servers, each of which has its part of the roll.
std::int64_t roll_buckets(const ElectionState& state, std::int64_t servers) {
  return buckets_for(state.roll ? state.roll->count / servers : 0);
}

// The fields of pollbus:election:<id> that the scripts read, and some for people. An empty value
// means that the field is absent. `version` stands for everything that a logger remembers of an
// election.
Fields fields_of(const ElectionState& state, std::int64_t servers) {
  const OpeningTimes times = opening_times(state);
  const std::string definition = to_hex(fingerprint(state.definition));
  Fields fields = {
      {"sequence", std::to_string(state.sequence)}, {"last", to_hex(state.last)},
      {"phase", std::string(to_text(state.phase))}, {"version", definition},
      {"open_from_ms", number_text(times.from_ms)}, {"open_until_ms", number_text(times.until_ms)},
      {"paused", times.is_paused ? "1" : ""},
  };
  if (!state.definition.needs_roll()) return fields;
  const std::string roll = roll_name(state);
  const std::string buckets = std::to_string(roll_buckets(state, servers));
  fields[3].second = fmt::format("{}:{}:{}", definition, roll, buckets);
  fields.emplace_back("codes", state.definition.eligibility == Eligibility::kCodes ? "1" : "");
  fields.emplace_back("roll", roll);
  fields.emplace_back("buckets", buckets);
  return fields;
}

// The arguments of a script.
class Arguments {
 public:
  Arguments& add(std::string text) {
    texts_.push_back(std::move(text));
    return *this;
  }
  Arguments& add(std::int64_t number) { return add(std::to_string(number)); }

  std::vector<std::string_view> command(std::string_view script) const {
    std::vector<std::string_view> words = {"EVALSHA", script, "0"};
    words.insert(words.end(), texts_.begin(), texts_.end());
    return words;
  }

 private:
  std::vector<std::string> texts_;
};

// `roll_voters` is the size of the roll that the event puts in force, or of this server's part of
// it; `added` is the voter whom the event adds to the roll.
Arguments append_arguments(const SignedEvent& event, const Event& parsed,
                           const ElectionState& after, std::int64_t servers,
                           std::int64_t roll_voters, const std::optional<RollEntry>& added) {
  const Fields fields = fields_of(after, servers);
  const bool sets_roll = parsed.kind == EventKind::kRoll && after.definition.needs_roll();
  Arguments arguments;
  arguments.add(parsed.election).add(parsed.sequence - 1).add(event.signature + event.data);
  arguments.add(sets_roll ? std::to_string(roll_voters) : "");
  arguments.add(static_cast<std::int64_t>(fields.size()));
  for (const auto& [name, value] : fields) arguments.add(std::string(name)).add(value);
  if (parsed.kind == EventKind::kDefine) {
    for (const Choice& choice : after.definition.choices) arguments.add(choice.voting);
  } else if (added) {
    const std::int64_t buckets = roll_buckets(after, servers);
    arguments.add(fmt::format("{}:{}", roll_name(after), bucket_of(added->voter, buckets)))
        .add(field_of(added->voter, buckets))
        .add(value_of(*added))
        .add(std::string(bytes_of(*parsed.added)));
  }
  return arguments;
}

std::optional<SignedEvent> event_in(const redisReply& reply) {
  constexpr std::size_t kSignatureDigits = 128;
  const std::string_view text = text_of(reply);
  if (text.size() < kSignatureDigits) return std::nullopt;
  return SignedEvent{.data = std::string(text.substr(kSignatureDigits)),
                     .signature = std::string(text.substr(0, kSignatureDigits))};
}

std::optional<ElectionSnapshot> snapshot_in(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 6) return std::nullopt;
  const auto seconds = number_in(*reply.element[0]);
  const auto microseconds = number_in(*reply.element[1]);
  const auto marks = number_in(*reply.element[2]);
  const auto sequence = number_in(*reply.element[3]);
  if (!seconds || !microseconds || !marks || !sequence) return std::nullopt;
  ElectionSnapshot snapshot{.now_ms = *seconds * 1'000 + *microseconds / 1'000,
                            .marks = *marks,
                            .sequence = *sequence,
                            .last = parse_sha256(text_of(*reply.element[4])).value_or(Sha256{}),
                            .events = {}};
  const redisReply& events = *reply.element[5];
  for (std::size_t i = 0; i < events.elements; ++i) {
    auto event = event_in(*events.element[i]);
    if (!event) return std::nullopt;
    snapshot.events.push_back(*std::move(event));
  }
  return snapshot;
}

// "count chunks codes salt", which all chunks of a roll have in common.
std::string facts_of(const wire::RollChunk& chunk) {
  return fmt::format("{} {} {} {}", chunk.count, chunk.chunks, chunk.has_codes ? 1 : 0,
                     to_hex(chunk.salt));
}

bool read_facts(const std::string& text, StagedRoll& roll) {
  std::istringstream words(text);
  std::string salt;
  if (!(words >> roll.count >> roll.chunks >> roll.has_codes)) return false;
  words >> salt;  // absent in a roll that an older version has staged
  roll.salt = parse_sha256(salt).value_or(Sha256{});
  return true;
}

std::string election_key(std::int64_t election) {
  return fmt::format("pollbus:election:{}", election);
}

std::string kept_key(std::int64_t election) {
  return fmt::format("pollbus:new-voters:{}", election);
}

// A voter that is kept: 8 bytes voter number, and 8 bytes code hash if there is one.
std::string kept_value(const RollEntry& voter) {
  std::string value;
  append_big_endian(value, voter.voter);
  return value + value_of(voter);
}

std::optional<RollEntry> kept_in(std::string_view value) {
  constexpr std::size_t kNumberBytes = 8;
  if (value.size() != kNumberBytes && value.size() != 2 * kNumberBytes) return std::nullopt;
  RollEntry voter{.voter = static_cast<std::int64_t>(
                      from_big_endian<std::uint64_t>(value.substr(0, kNumberBytes))),
                  .code_hash = {}};
  if (value.size() > kNumberBytes)
    voter.code_hash = from_big_endian<std::uint64_t>(value.substr(kNumberBytes));
  return voter;
}

// Reads the reply to HGETALL: names and values in turn.
std::optional<StagedRoll> staged_in(const redisReply& reply) {
  StagedRoll roll;
  for (std::size_t i = 0; i + 1 < reply.elements; i += 2) {
    const std::string_view name = text_of(*reply.element[i]);
    const std::string value(text_of(*reply.element[i + 1]));
    if (name == "facts") {
      if (!read_facts(value, roll)) return std::nullopt;
    } else if (const auto chunk = number_in(*reply.element[i])) {
      Sha256 hash;
      if (value.size() != hash.size()) return std::nullopt;
      std::ranges::copy(value, hash.begin());
      roll.chunk_hashes[*chunk] = hash;
    }
  }
  return roll;
}

class RedisElectionRegister final : public RedisElectionServer {
 public:
  explicit RedisElectionRegister(RedisConfig config)
      : session_(std::move(config), {redis_scripts::kReadElection, redis_scripts::kAppendEvent,
                                     redis_scripts::kStageChunk, redis_scripts::kRemoveBuckets,
                                     redis_scripts::kCountRoll}) {}

  absl::StatusOr<ElectionSnapshot> read(std::int64_t election, std::int64_t known) override {
    ElectionSnapshot snapshot;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply reply,
                           run(connection, kRead, Arguments().add(election).add(known)));
          auto read = snapshot_in(*reply);
          if (!read) {
            return absl::FailedPreconditionError(
                fmt::format("{} holds something else in the place of the events of election {}",
                            connection.where(), election));
          }
          snapshot = *std::move(read);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return snapshot;
  }

  absl::StatusOr<std::vector<std::int64_t>> elections() override {
    std::vector<std::int64_t> elections;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply reply,
                           answer_to(connection, {"SMEMBERS", "pollbus:elections"}));
          for (std::size_t i = 0; i < reply->elements; ++i) {
            const auto election = number_in(*reply->element[i]);
            if (!election) {
              return absl::FailedPreconditionError(fmt::format(
                  "{} holds something else in its list of elections", connection.where()));
            }
            elections.push_back(*election);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    std::ranges::sort(elections);
    return elections;
  }

  absl::StatusOr<AppendOutcome> append(const SignedEvent& event, const Event& parsed,
                                       const ElectionState& after) override {
    return append_part(event, parsed, after, after.roll ? after.roll->count : 0);
  }

  absl::StatusOr<AppendOutcome> append_part(const SignedEvent& event, const Event& parsed,
                                            const ElectionState& after,
                                            std::int64_t roll_voters) override {
    AppendOutcome outcome = AppendOutcome::kRollIncomplete;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          std::optional<RollEntry> added;
          if (parsed.added) {
            ASSIGN_OR_RETURN(added, kept(connection, parsed.election, *parsed.added));
          }
          if (parsed.added && !added) {
            // Another logger that has appended the event has also forgotten the voter.
            ASSIGN_OR_RETURN(
                const RedisReply sequence,
                answer_to(connection, {"HGET", election_key(parsed.election), "sequence"}));
            outcome = number_in(*sequence) == parsed.sequence - 1 ? AppendOutcome::kVoterMissing
                                                                  : AppendOutcome::kOvertaken;
            return absl::OkStatus();
          }
          ASSIGN_OR_RETURN(
              const RedisReply reply,
              run(connection, kAppend,
                  append_arguments(event, parsed, after, servers(), roll_voters, added)));
          if (reply->type == REDIS_REPLY_INTEGER) {
            outcome = reply->integer == 1 ? AppendOutcome::kAppended : AppendOutcome::kOvertaken;
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return outcome;
  }

  absl::StatusOr<StageOutcome> stage(const wire::RollChunk& chunk) override {
    return stage_part(chunk, sha256(wire::chunk_bytes(chunk)));
  }

  absl::StatusOr<StageOutcome> stage_part(const wire::RollChunk& chunk,
                                          const Sha256& hash) override {
    const std::int64_t buckets = buckets_for(chunk.count / servers());
    Arguments arguments;
    arguments.add(chunk.election)
        .add(name_of(chunk.roll))
        .add(chunk.chunk)
        .add(std::string(bytes_of(hash)))
        .add(facts_of(chunk))
        .add(buckets);
    for (const RollEntry& voter : chunk.voters) {
      arguments.add(bucket_of(voter.voter, buckets))
          .add(field_of(voter.voter, buckets))
          .add(value_of(voter));
    }
    std::int64_t answer = 0;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply reply, run(connection, kStage, arguments));
          answer = reply->integer;
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return answer == 1   ? StageOutcome::kStaged
           : answer == 0 ? StageOutcome::kStagedBefore
                         : StageOutcome::kDiffers;
  }

  absl::StatusOr<std::int64_t> count_part(std::int64_t election, const RollSummary& roll) override {
    std::int64_t voters = 0;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply reply,
                           run(connection, kCount,
                               Arguments()
                                   .add(election)
                                   .add(name_of(roll.hash))
                                   .add(buckets_for(roll.count / servers()))));
          voters = reply->integer;
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return voters;
  }

  absl::StatusOr<StagedRoll> staged(std::int64_t election, const Sha256& roll) override {
    StagedRoll staged;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply reply,
                           answer_to(connection, {"HGETALL", staged_key(election, name_of(roll))}));
          auto read = staged_in(*reply);
          if (!read) return protocol_error(connection);
          staged = *std::move(read);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return staged;
  }

  absl::StatusOr<NewVoterOutcome> keep(const wire::NewVoter& voter,
                                       const ElectionState& state) override {
    const std::int64_t buckets = roll_buckets(state, servers());
    const std::string bucket = redis_roll::prefix(voter.election, roll_name(state)) +
                               std::to_string(bucket_of(voter.entry.voter, buckets));
    const std::string field = std::to_string(field_of(voter.entry.voter, buckets));
    NewVoterOutcome outcome = NewVoterOutcome::kKept;
    const absl::Status status =
        session_.connected([&](RedisConnection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(const RedisReply entry, answer_to(connection, {"HGET", bucket, field}));
          if (entry->type == REDIS_REPLY_STRING) {
            outcome = text_of(*entry) == value_of(voter.entry)
                          ? NewVoterOutcome::kOnRoll
                          : NewVoterOutcome::kOnRollWithOtherCode;
            return absl::OkStatus();
          }
          return answer_to(connection, {"HSET", kept_key(voter.election),
                                        bytes_of(commitment_to(voter)), kept_value(voter.entry)})
              .status();
        });
    if (!status.ok()) return status;
    return outcome;
  }

  absl::Status remove_staged(std::int64_t election, const std::optional<Sha256>& keep) override {
    return session_.connected([&](RedisConnection& connection) -> absl::Status {
      const std::string names = fmt::format("pollbus:rolls:{}", election);
      ASSIGN_OR_RETURN(const RedisReply rolls, answer_to(connection, {"SMEMBERS", names}));
      for (std::size_t i = 0; i < rolls->elements; ++i) {
        const std::string roll(text_of(*rolls->element[i]));
        if (keep && roll == name_of(*keep)) continue;
        RETURN_IF_ERROR(remove(connection, election, roll));
      }
      return absl::OkStatus();
    });
  }

 private:
  std::int64_t servers() const { return session_.config().servers; }

  static std::string staged_key(std::int64_t election, const std::string& roll) {
    return fmt::format("pollbus:staged:{}:{}", election, roll);
  }

  // The voter that was kept under this commitment.
  absl::StatusOr<std::optional<RollEntry>> kept(RedisConnection& connection, std::int64_t election,
                                                const Sha256& commitment) {
    ASSIGN_OR_RETURN(const RedisReply reply,
                     answer_to(connection, {"HGET", kept_key(election), bytes_of(commitment)}));
    if (reply->type == REDIS_REPLY_NIL) return std::optional<RollEntry>();
    auto voter = kept_in(text_of(*reply));
    if (!voter) return protocol_error(connection);
    return voter;
  }

  absl::StatusOr<RedisReply> run(RedisConnection& connection, Script script,
                                 const Arguments& arguments) {
    return answer_to(connection, arguments.command(session_.script(script)));
  }

  // The list of chunks goes last, so that an interrupted removal is repeated. If the roll is staged
  // again meanwhile, its event finds too few voters, and the roll must be sent again.
  absl::Status remove(RedisConnection& connection, std::int64_t election, const std::string& roll) {
    const std::string staged = staged_key(election, roll);
    ASSIGN_OR_RETURN(const RedisReply size, answer_to(connection, {"HGET", staged, "buckets"}));
    const std::int64_t buckets = number_in(*size).value_or(0);
    for (std::int64_t first = 0; first < buckets; first += kBucketsRemovedPerCall) {
      const std::int64_t last = std::min(first + kBucketsRemovedPerCall, buckets) - 1;
      ASSIGN_OR_RETURN(
          const RedisReply removed,
          run(connection, kRemove, Arguments().add(election).add(roll).add(first).add(last)));
      if (removed->integer == 0) return absl::OkStatus();  // it is in force
    }
    RETURN_IF_ERROR(answer_to(connection, {"UNLINK", staged}).status());
    return answer_to(connection, {"SREM", fmt::format("pollbus:rolls:{}", election), roll})
        .status();
  }

  RedisSession session_;
};

}  // namespace

std::unique_ptr<RedisElectionServer> make_redis_election_server(RedisConfig server) {
  return std::make_unique<RedisElectionRegister>(std::move(server));
}

}  // namespace pollbus
