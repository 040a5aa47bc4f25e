#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/message.h"
#include "election/election_state.h"
#include "election/event.h"

// The messages between the office and the services, and those by which a machine asks for an
// election (docs/elections.md). Pure functions; thread-safe. Parsers fail with INVALID_ARGUMENT;
// the error names a field and never quotes a value.
namespace pollbus::wire {

inline constexpr std::size_t kMaxOfficeMessageBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxChunkVoters = 4'000;
// Events in one answer to a history request; the office asks again from the next one on.
inline constexpr std::size_t kMaxHistoryBytes = 2 * 1024 * 1024;
// The missing chunks that one answer names.
inline constexpr std::size_t kMaxMissingChunks = 100;

// Attribute names and values.
inline constexpr std::string_view kOfficeCommand = "office command";
inline constexpr std::string_view kOfficeAnswer = "office answer";
inline constexpr std::string_view kDescribeElection = "describe election";
inline constexpr std::string_view kTo = "to";
inline constexpr std::string_view kToLogger = "logger";
inline constexpr std::string_view kToRecorder = "recorder";
inline constexpr std::string_view kSignature = "signature";
inline constexpr std::string_view kOfficeId = "officeID";
// The office's number where keys are derived by machine number (2^53: no machine has it).
inline constexpr std::int64_t kOfficeIdentity = std::int64_t{1} << 53;

inline constexpr char kLoggerOfficeSubscription[] = "election-logger-office-sub";
inline constexpr char kRecorderOfficeSubscription[] = "election-recorder-office-sub";
std::string logger_office_filter();
std::string recorder_office_filter();
std::string office_answer_filter(const std::string& office_id);

// --- Commands: an event, or one of these -------------------------------------------------------

// A part of a roll, for the logger. Either all voters have codes or none has.
struct RollChunk {
  std::int64_t election = 0;
  Sha256 roll{};
  std::int64_t chunk = 0;  // from 0
  std::int64_t chunks = 0;
  std::int64_t count = 0;  // voters in the whole roll
  bool has_codes = false;
  Sha256 salt{};  // of the roll's hash
  std::vector<RollEntry> voters;
};
// The bytes that the chunk's hash is computed over, and that travel as base64: 8 bytes voter number
// and, with codes, 8 bytes code hash, most significant byte first.
std::string chunk_bytes(const RollChunk& chunk);
// The hash of a roll: SHA-256 over the salt and the hashes of its chunks, one after the other.
// Nobody can guess the voters of a small roll without the salt, which only office and loggers know.
Sha256 roll_hash(const Sha256& salt, const std::vector<Sha256>& chunk_hashes);

// A voter for the roll, for the logger, which keeps the voter until the event with the commitment
// comes. So the event, which everybody may read, does not say who was added.
struct NewVoter {
  std::int64_t election = 0;
  RollEntry entry;
  Sha256 salt{};
  std::string uuid;  // makes the command unique
};
Sha256 commitment_to(const NewVoter& voter);

enum class RequestKind { kStatus, kHistory, kResults };
struct OfficeRequest {
  RequestKind kind = RequestKind::kStatus;
  std::optional<std::int64_t> election;  // absent only in a status request: all elections
  std::int64_t from = 1;                 // history: the first event wanted
  std::string uuid;                      // makes the request unique
};

struct EventCommand {
  Event event;
  Sha256 hash{};
};

using OfficeCommand = std::variant<EventCommand, RollChunk, NewVoter, OfficeRequest>;

std::string encode(const RollChunk& chunk);
std::string encode(const NewVoter& voter);
std::string encode(const OfficeRequest& request);
absl::StatusOr<OfficeCommand> parse_office_command(std::string_view data);
// The name of the kind, such as "open" or "roll chunk", as answers and log lines show it.
std::string_view kind_of(const OfficeCommand& command);
std::optional<std::int64_t> election_of(const OfficeCommand& command);

// `to` is kToLogger or kToRecorder; `signature` is over `data`.
Message office_command_message(std::string data, std::string_view to, std::string office_id,
                               std::string signature);

// --- Answers -----------------------------------------------------------------------------------

enum class CommandResult { kApplied, kAlreadyApplied, kRefused, kAnswer };
std::string_view to_text(CommandResult result);

struct AnsweredState {
  Phase phase = Phase::kDefined;  // by the clock of the one that answers
  std::int64_t sequence = 0;
  Sha256 last{};
  std::optional<std::int64_t> opens_utc_ms;
  std::optional<std::int64_t> closes_utc_ms;
};

struct AnsweredRoll {
  std::int64_t count = 0;
  Sha256 hash{};
};

struct MachineCount {
  std::int64_t machine = 0;
  std::int64_t votes = 0;
  bool operator==(const MachineCount&) const = default;
};

// One election in the answer to a status request.
struct AnsweredElection {
  std::int64_t election = 0;
  AnsweredState state;
  std::optional<std::int64_t> marks;
  std::optional<std::int64_t> rows;
  std::optional<AnsweredRoll> roll;
};

struct OfficeAnswer {
  std::string from;  // kToLogger or kToRecorder
  std::string kind;  // of the command
  std::optional<std::int64_t> election;
  Sha256 request{};  // SHA-256 of the command's data
  CommandResult result = CommandResult::kAnswer;
  std::string reason;                             // when refused: a sentence
  std::optional<AnsweredState> state;             // absent if the election is not defined
  std::optional<std::int64_t> now_utc_ms;         // the clock of the one that answers
  std::optional<std::int64_t> marks;              // logger
  std::optional<AnsweredRoll> roll;               // logger: the roll that is in force
  std::vector<std::int64_t> missing_chunks;       // logger: the first kMaxMissingChunks
  std::optional<std::int64_t> rows;               // recorder
  std::vector<SignedEvent> events;                // recorder: history, or the event in the way
  std::optional<std::vector<ChoiceCount>> tally;  // recorder: when it may be seen
  std::vector<MachineCount> by_machine;           // recorder
  std::vector<AnsweredElection> elections;        // status of all elections
};

std::string encode(const OfficeAnswer& answer);
absl::StatusOr<OfficeAnswer> parse_office_answer(std::string_view data);
// Without `mac`, which the sender adds if it has a key.
Message office_answer_message(const OfficeAnswer& answer, std::string office_id);

// --- Describe ----------------------------------------------------------------------------------

// A machine asks for one election, or for all of an event.
struct DescribeRequest {
  std::optional<std::int64_t> election;
  std::optional<std::string> event;  // exactly one of the two
  std::int64_t machine = 0;
  std::string uuid;
};
std::string encode(const DescribeRequest& request);
absl::StatusOr<DescribeRequest> parse_describe(std::string_view data);
Message describe_message(const DescribeRequest& request);

struct DescribedElection {
  std::int64_t election = 0;
  std::vector<SignedEvent> events;
};
struct DescribeAnswer {
  std::string uuid;
  std::vector<DescribedElection> elections;  // empty: not defined
  std::int64_t now_utc_ms = 0;
};
std::string encode(const DescribeAnswer& answer);
absl::StatusOr<DescribeAnswer> parse_describe_answer(std::string_view data);
// Whether the data of a "result" message is such an answer and not the answer to a vote.
bool is_describe_answer(std::string_view data);
Message describe_answer_message(std::int64_t machine, const DescribeAnswer& answer);

}  // namespace pollbus::wire
