#include "election/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "election/json_fields.h"
#include "election/uuid.h"

namespace pollbus::wire {
namespace {

// A sender whose UUID is not a UUID is answered nevertheless, up to this length.
constexpr std::size_t kMaxAnsweredUuidBytes = 128;

struct OutcomeText {
  Outcome outcome;
  std::string_view text;
};
// The texts of the original programs.
constexpr std::array kOutcomeTexts = {
    OutcomeText{Outcome::kSuccessful, "successful"},
    OutcomeText{Outcome::kAlreadyVoted, "Already Voted!!!"},
    OutcomeText{Outcome::kRejected, "Rejected"},
};

std::string_view outcome_text(Outcome outcome) {
  for (const OutcomeText& entry : kOutcomeTexts) {
    if (entry.outcome == outcome) return entry.text;
  }
  return "";
}

std::optional<Outcome> outcome_of(std::string_view text) {
  for (const OutcomeText& entry : kOutcomeTexts) {
    if (entry.text == text) return entry.outcome;
  }
  return std::nullopt;
}

// Appends `text` as a JSON string. Bytes that are not UTF-8 are replaced.
void append_quoted(const std::string& text, std::string* json) {
  if (!std::ranges::all_of(text, is_plain)) {
    *json += to_json_string(text);
    return;
  }
  *json += '"';
  *json += text;
  *json += '"';
}

void append_number(std::string_view before, std::int64_t number, std::string* json) {
  *json += before;
  const fmt::format_int digits(number);
  json->append(digits.data(), digits.size());
}

// About what a message takes, so that its text grows once.
constexpr std::size_t kUsualMessageBytes = 160;

Field id_field(std::string_view name) { return {.name = name, .most = kMaxId}; }
Field choice_field() { return {.name = "voting", .most = kMaxChoice}; }
Field text_field(std::string_view name) { return {.name = name, .most = std::nullopt}; }

bool is_answerable_uuid(const Field& uuid) {
  return uuid.readable() && !uuid.text.empty() && uuid.text.size() <= kMaxAnsweredUuidBytes;
}

// Returns what is wrong with a single field, or nothing.
std::optional<std::string> problem_with(const Field& field, bool optional) {
  if (field.times == 0 && optional) return std::nullopt;
  if (field.times == 0) return fmt::format("{} is missing", field.name);
  if (field.times > 1) return fmt::format("{} is given more than once", field.name);
  if (field.valid) return std::nullopt;
  if (field.most) return fmt::format("{} must be an integer from 0 to {}", field.name, *field.most);
  return fmt::format("{} must be a text", field.name);
}

std::optional<std::string> problem_with_vote(std::span<const Field> fields, const Field& uuid) {
  for (const Field& field : fields) {
    const bool optional = field.name == "timestamp" || field.name == "code";
    if (auto problem = problem_with(field, optional)) return problem;
  }
  if (!is_uuid(uuid.text)) return "UUID must be a UUID as RFC 4122 writes it";
  return std::nullopt;
}

std::optional<std::string> problem_with_size(std::string_view data) {
  if (data.size() <= kMaxMessageBytes) return std::nullopt;
  return fmt::format("the message is larger than {} bytes", kMaxMessageBytes);
}

// Reads the fields of a vote. Returns nothing if they are valid.
std::optional<BadMessage> read_vote(std::string_view data, std::span<Field> fields,
                                    const Field& machine, const Field& uuid) {
  std::optional<std::string> document = read_fields(data, fields);
  std::optional<std::string> problem = problem_with_size(data);
  if (!problem) problem = std::move(document);
  if (!problem) problem = problem_with_vote(fields, uuid);
  if (!problem) return std::nullopt;
  BadMessage bad{.reason = *std::move(problem), .machine = {}, .uuid = {}};
  if (machine.readable()) bad.machine = machine.number;
  if (is_answerable_uuid(uuid)) bad.uuid = uuid.text;
  return bad;
}

std::string function_filter(std::string_view function) {
  return fmt::format("attributes.{}=\"{}\"", kFunction, function);
}

}  // namespace

std::string submit_filter() { return function_filter(kSubmitVote); }

std::string record_filter() { return function_filter(kRecordVote); }

std::string result_filter(std::int64_t machine) {
  return fmt::format("{} AND attributes.{}=\"{}\"", function_filter(kResult), kMachineId, machine);
}

std::string encode(const SubmittedVote& vote) {
  std::string json;
  json.reserve(kUsualMessageBytes);
  append_number(R"({"machine_ID":)", vote.machine, &json);
  append_number(R"(,"voter_ID":)", vote.voter, &json);
  append_number(R"(,"voting":)", vote.choice, &json);
  append_number(R"(,"election_ID":)", vote.election, &json);
  json += R"(,"UUID":)";
  append_quoted(vote.uuid, &json);
  if (vote.timestamp_ms) append_number(R"(,"timestamp":)", *vote.timestamp_ms, &json);
  if (vote.code) {
    json += R"(,"code":)";
    append_quoted(*vote.code, &json);
  }
  json += '}';
  return json;
}

std::string encode(const AnonymousVote& vote) {
  std::string json;
  json.reserve(kUsualMessageBytes);
  append_number(R"({"machine_ID":)", vote.machine, &json);
  append_number(R"(,"voting":)", vote.choice, &json);
  append_number(R"(,"election_ID":)", vote.election, &json);
  json += R"(,"UUID":)";
  append_quoted(vote.uuid, &json);
  json += '}';
  return json;
}

std::string encode(const Result& result) {
  std::string json;
  json.reserve(kUsualMessageBytes);
  json += R"({"result":")";
  json += outcome_text(result.outcome);
  json += R"(","UUID":)";
  append_quoted(result.uuid, &json);
  if (result.outcome == Outcome::kRejected) {
    json += R"(,"reason":)";
    append_quoted(result.reason, &json);
  }
  json += '}';
  return json;
}

std::variant<SubmittedVote, BadMessage> parse_submitted(std::string_view data) {
  std::array fields = {id_field("machine_ID"),  id_field("voter_ID"), choice_field(),
                       id_field("election_ID"), text_field("UUID"),   id_field("timestamp"),
                       text_field("code")};
  auto& [machine, voter, choice, election, uuid, timestamp, code] = fields;
  if (auto bad = read_vote(data, fields, machine, uuid)) return *std::move(bad);
  SubmittedVote vote{.election = election.number,
                     .machine = machine.number,
                     .voter = voter.number,
                     .choice = choice.number,
                     .uuid = std::move(uuid.text),
                     .timestamp_ms = {}};
  if (timestamp.readable()) vote.timestamp_ms = timestamp.number;
  if (code.readable()) vote.code = std::move(code.text);
  return vote;
}

std::variant<AnonymousVote, BadMessage> parse_recorded(std::string_view data) {
  std::array fields = {id_field("machine_ID"), choice_field(), id_field("election_ID"),
                       text_field("UUID")};
  auto& [machine, choice, election, uuid] = fields;
  if (auto bad = read_vote(data, fields, machine, uuid)) return *std::move(bad);
  return AnonymousVote{.election = election.number,
                       .machine = machine.number,
                       .choice = choice.number,
                       .uuid = std::move(uuid.text)};
}

std::variant<Result, BadMessage> parse_result(std::string_view data) {
  std::array fields = {text_field("result"), text_field("UUID"), text_field("reason")};
  auto& [result, uuid, reason] = fields;
  std::optional<std::string> document = read_fields(data, fields);
  std::optional<std::string> problem = problem_with_size(data);
  if (!problem) problem = std::move(document);
  if (!problem) problem = problem_with(result, false);
  if (!problem) problem = problem_with(uuid, false);
  if (!problem) problem = problem_with(reason, true);
  const std::optional<Outcome> outcome = outcome_of(result.text);
  if (!problem && !outcome) problem = "result must be a text of the protocol";
  // Not necessarily a UUID: a sender that used another text is answered with that text.
  if (!problem && !is_answerable_uuid(uuid)) {
    problem = fmt::format("UUID must have 1 to {} bytes", kMaxAnsweredUuidBytes);
  }
  if (problem) {
    BadMessage bad{.reason = *std::move(problem), .machine = {}, .uuid = {}};
    if (is_answerable_uuid(uuid)) bad.uuid = uuid.text;
    return bad;
  }
  Result answer{.outcome = *outcome, .uuid = std::move(uuid.text), .reason = {}};
  if (*outcome == Outcome::kRejected) answer.reason = std::move(reason.text);
  return answer;
}

}  // namespace pollbus::wire
