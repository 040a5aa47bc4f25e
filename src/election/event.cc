#include "election/event.h"

#include <fmt/format.h>

#include <array>

#include "election/object_reader.h"
#include "election/strict_json.h"
#include "election/vote.h"

namespace pollbus {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::array kKinds = {"define"sv, "roll"sv,   "add voter"sv, "open"sv, "pause"sv,
                               "resume"sv, "extend"sv, "close"sv,     "seal"sv, "certify"sv};
// A definition and the fields around it.
constexpr std::size_t kMaxEventBytes = kMaxDefinitionBytes + 4'096;

void write_definition(const Definition& definition, json& object) {
  object["definition"] = json::parse(definition.canonical);
  if (definition.opens) object["opens_utc_ms"] = definition.opens->utc_ms;
  if (definition.closes) object["closes_utc_ms"] = definition.closes->utc_ms;
}

void write_details(const Event& event, json& object) {
  if (event.definition) write_definition(*event.definition, object);
  if (event.roll) {
    object["count"] = event.roll->count;
    object["hash"] = to_hex(event.roll->hash);
    object["chunks"] = event.roll->chunks;
  }
  if (event.added) object["commitment"] = to_hex(*event.added);
  if (event.closes) {
    object["closes"] = event.closes->local;
    object["closes_utc_ms"] = event.closes->utc_ms;
  }
  if (event.marks) object["marks"] = *event.marks;
  if (event.kind == EventKind::kCertify) {
    json tally = json::array();
    for (const auto& [voting, votes] : event.tally) {
      tally.push_back({{"voting", voting}, {"votes", votes}});
    }
    object["tally"] = std::move(tally);
  }
}

std::optional<Definition> read_definition(ObjectReader& fields) {
  const Instants instants{.opens_ms = fields.optional_integer("opens_utc_ms"),
                          .closes_ms = fields.optional_integer("closes_utc_ms")};
  const json& object = fields.object("definition");
  if (!fields.ok()) return std::nullopt;
  auto parsed = parse_definition(to_canonical(object), &instants);
  if (auto* definition = std::get_if<Definition>(&parsed)) return std::move(*definition);
  const Problem& first = std::get<std::vector<Problem>>(parsed).front();
  fields.fail("definition", fmt::format("is wrong: {} {}", first.place, first.what));
  return std::nullopt;
}

std::vector<ChoiceCount> read_tally(ObjectReader& fields) {
  std::vector<ChoiceCount> tally;
  for (const json& line : fields.array("tally")) {
    ObjectReader reader(line);
    tally.push_back(
        {.voting = reader.integer("voting", kMaxChoice), .votes = reader.integer("votes")});
    fields.include("tally", reader);
  }
  return tally;
}

void read_details(ObjectReader& fields, Event& event) {
  switch (event.kind) {
    case EventKind::kDefine:
      event.definition = read_definition(fields);
      if (event.definition && event.definition->election != event.election) {
        fields.fail("election_ID", "must be that of the definition");
      }
      return;
    case EventKind::kRoll:
      event.roll = RollSummary{.count = fields.integer("count"),
                               .hash = fields.hash("hash"),
                               .chunks = fields.integer("chunks")};
      return;
    case EventKind::kAddVoter:
      if (fields.has("voter_ID"))
        fields.fail("voter_ID",
                    "is of an older version of Pollbus: finish this election with the programs "
                    "that defined it, or define it again with another election_ID");
      event.added = fields.hash("commitment");
      return;
    case EventKind::kExtend:
      event.closes =
          ZonedTime{.local = fields.text("closes"), .utc_ms = fields.integer("closes_utc_ms")};
      return;
    case EventKind::kSeal:
      event.marks = fields.integer("marks");
      return;
    case EventKind::kCertify:
      event.marks = fields.integer("marks");
      event.tally = read_tally(fields);
      return;
    case EventKind::kOpen:
    case EventKind::kPause:
    case EventKind::kResume:
    case EventKind::kClose:
      return;
  }
}

}  // namespace

std::string_view to_text(EventKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<EventKind> parse_event_kind(std::string_view text) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == text) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}

std::string encode(const Event& event) {
  json object = {{"election_ID", event.election},
                 {"sequence", event.sequence},
                 {"previous", to_hex(event.previous)},
                 {"time", utc_text(event.time_ms)},
                 {"kind", to_text(event.kind)}};
  write_details(event, object);
  return to_canonical(object);
}

absl::StatusOr<Event> parse_event(std::string_view data) {
  if (data.size() > kMaxEventBytes) {
    return absl::InvalidArgumentError("the event is too large");
  }
  const StrictJson document = parse_strict_json(data);
  if (!document.problems.empty()) {
    const Problem& first = document.problems.front();
    return absl::InvalidArgumentError(fmt::format("the event {} {}", first.place, first.what));
  }
  ObjectReader fields(document.value);
  Event event{.election = fields.integer("election_ID"),
              .sequence = fields.integer("sequence"),
              .previous = fields.hash("previous")};
  const auto time = parse_utc(fields.text("time"));
  if (!time) fields.fail("time", "must be a time such as 2026-12-01T13:00:00Z");
  const auto kind = parse_event_kind(fields.text("kind"));
  if (!kind) fields.fail("kind", "is not a kind of event");
  if (!fields.ok()) return fields.status();
  event.time_ms = *time;
  event.kind = *kind;
  read_details(fields, event);
  if (!fields.ok()) return fields.status();
  if (event.sequence == 0) return absl::InvalidArgumentError("sequence must be at least 1");
  // Refuses unknown fields and other ways to write the same data.
  if (encode(event) != data) {
    return absl::InvalidArgumentError("the event is not in its canonical form");
  }
  return event;
}

}  // namespace pollbus
