#include <fmt/format.h>

#include <array>

#include "election/object_reader.h"
#include "election/office_messages.h"
#include "election/strict_json.h"

namespace pollbus::wire {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::array kResults = {"applied"sv, "already applied"sv, "refused"sv, "answer"sv};

void write_state(const std::optional<AnsweredState>& state, json& object) {
  if (!state) return;
  json value = {{"phase", to_text(state->phase)},
                {"sequence", state->sequence},
                {"last", to_hex(state->last)}};
  if (state->opens_utc_ms) value["opens_utc_ms"] = *state->opens_utc_ms;
  if (state->closes_utc_ms) value["closes_utc_ms"] = *state->closes_utc_ms;
  object["state"] = std::move(value);
}

void write_roll(const std::optional<AnsweredRoll>& roll, json& object) {
  if (roll) object["roll"] = {{"count", roll->count}, {"hash", to_hex(roll->hash)}};
}

void write_optional(const char* name, const std::optional<std::int64_t>& value, json& object) {
  if (value) object[name] = *value;
}

json to_json(const AnsweredElection& election) {
  json object = {{"election_ID", election.election}};
  write_state(election.state, object);
  write_optional("marks", election.marks, object);
  write_optional("rows", election.rows, object);
  write_roll(election.roll, object);
  return object;
}

void write_lists(const OfficeAnswer& answer, json& object) {
  if (!answer.missing_chunks.empty()) object["missing_chunks"] = answer.missing_chunks;
  for (const auto& [data, signature] : answer.events) {
    object["events"].push_back({{"data", data}, {"signature", signature}});
  }
  if (answer.tally) {
    object["tally"] = json::array();
    for (const auto& [voting, votes] : *answer.tally) {
      object["tally"].push_back({{"voting", voting}, {"votes", votes}});
    }
  }
  for (const auto& [machine, votes] : answer.by_machine) {
    object["by_machine"].push_back({{"machine_ID", machine}, {"votes", votes}});
  }
  for (const AnsweredElection& election : answer.elections) {
    object["elections"].push_back(to_json(election));
  }
}

std::optional<AnsweredState> read_state(ObjectReader& fields) {
  if (!fields.has("state")) return std::nullopt;
  ObjectReader reader(fields.object("state"));
  const auto phase = parse_phase(reader.text("phase"));
  if (!phase) reader.fail("phase", "is not known");
  const AnsweredState state{.phase = phase.value_or(Phase::kDefined),
                            .sequence = reader.integer("sequence"),
                            .last = reader.hash("last"),
                            .opens_utc_ms = reader.optional_integer("opens_utc_ms"),
                            .closes_utc_ms = reader.optional_integer("closes_utc_ms")};
  fields.include("state", reader);
  return state;
}

std::optional<AnsweredRoll> read_roll(ObjectReader& fields) {
  if (!fields.has("roll")) return std::nullopt;
  ObjectReader reader(fields.object("roll"));
  const AnsweredRoll roll{.count = reader.integer("count"), .hash = reader.hash("hash")};
  fields.include("roll", reader);
  return roll;
}

// Calls `read` with a reader of each element of a list that may be absent.
template <typename Read>
void for_each(ObjectReader& fields, std::string_view name, const Read& read) {
  if (!fields.has(name)) return;
  for (const json& element : fields.array(name)) {
    ObjectReader reader(element);
    if (reader.ok()) read(reader);
    fields.include(name, reader);
  }
}

void read_lists(ObjectReader& fields, OfficeAnswer& answer) {
  if (fields.has("missing_chunks")) {
    for (const json& chunk : fields.array("missing_chunks")) {
      if (!chunk.is_number_unsigned()) return fields.fail("missing_chunks", "must be numbers");
      answer.missing_chunks.push_back(chunk.get<std::int64_t>());
    }
  }
  for_each(fields, "events", [&](ObjectReader& reader) {
    answer.events.push_back({reader.text("data"), reader.text("signature")});
  });
  if (fields.has("tally")) answer.tally.emplace();
  for_each(fields, "tally", [&](ObjectReader& reader) {
    answer.tally->push_back({reader.integer("voting", kMaxChoice), reader.integer("votes")});
  });
  for_each(fields, "by_machine", [&](ObjectReader& reader) {
    answer.by_machine.push_back({reader.integer("machine_ID"), reader.integer("votes")});
  });
  for_each(fields, "elections", [&](ObjectReader& reader) {
    AnsweredElection election{.election = reader.integer("election_ID")};
    if (auto state = read_state(reader)) election.state = *state;
    election.marks = reader.optional_integer("marks");
    election.rows = reader.optional_integer("rows");
    election.roll = read_roll(reader);
    answer.elections.push_back(std::move(election));
  });
}

CommandResult read_result(ObjectReader& fields) {
  const std::string text = fields.text("result");
  for (std::size_t i = 0; i < kResults.size(); ++i) {
    if (kResults[i] == text) return static_cast<CommandResult>(i);
  }
  fields.fail("result", "is not known");
  return CommandResult::kRefused;
}

}  // namespace

std::string_view to_text(CommandResult result) {
  return kResults[static_cast<std::size_t>(result)];
}

std::string encode(const OfficeAnswer& answer) {
  json object = {{"from", answer.from},
                 {"kind", answer.kind},
                 {"request", to_hex(answer.request)},
                 {"result", to_text(answer.result)}};
  if (answer.result == CommandResult::kRefused) object["reason"] = answer.reason;
  write_optional("election_ID", answer.election, object);
  write_state(answer.state, object);
  write_optional("now_utc_ms", answer.now_utc_ms, object);
  write_optional("marks", answer.marks, object);
  write_roll(answer.roll, object);
  write_optional("rows", answer.rows, object);
  write_lists(answer, object);
  return to_canonical(object);
}

absl::StatusOr<OfficeAnswer> parse_office_answer(std::string_view data) {
  if (data.size() > kMaxOfficeMessageBytes) {
    return absl::InvalidArgumentError("the message is too large");
  }
  const StrictJson document = parse_strict_json(data);
  if (!document.problems.empty()) {
    const Problem& first = document.problems.front();
    return absl::InvalidArgumentError(fmt::format("the message {} {}", first.place, first.what));
  }
  ObjectReader fields(document.value);
  OfficeAnswer answer{.from = fields.text("from"),
                      .kind = fields.text("kind"),
                      .election = fields.optional_integer("election_ID"),
                      .request = fields.hash("request"),
                      .result = read_result(fields),
                      .reason = fields.optional_text("reason"),
                      .state = read_state(fields),
                      .now_utc_ms = fields.optional_integer("now_utc_ms"),
                      .marks = fields.optional_integer("marks"),
                      .roll = read_roll(fields),
                      .rows = fields.optional_integer("rows")};
  read_lists(fields, answer);
  if (!fields.ok()) return fields.status();
  return answer;
}

}  // namespace pollbus::wire
