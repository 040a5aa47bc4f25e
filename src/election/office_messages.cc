#include "election/office_messages.h"

#include <fmt/format.h>

#include "base/status.h"
#include "election/object_reader.h"
#include "election/strict_json.h"
#include "election/wire.h"

namespace pollbus::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kDefinitionResult = "definition";
constexpr std::size_t kMaxUuidBytes = 128;

std::string equals(std::string_view attribute, std::string_view value) {
  return fmt::format("attributes.{}=\"{}\"", attribute, value);
}

std::string command_filter(std::string_view to) {
  return fmt::format("{} AND {}", equals(kFunction, kOfficeCommand), equals(kTo, to));
}

json to_json(const DescribedElection& election) {
  json events = json::array();
  for (const auto& [data, signature] : election.events) {
    events.push_back({{"data", data}, {"signature", signature}});
  }
  return {{"election_ID", election.election}, {"events", std::move(events)}};
}

DescribedElection read_described(ObjectReader& fields) {
  DescribedElection election{.election = fields.integer("election_ID")};
  for (const json& event : fields.array("events")) {
    ObjectReader reader(event);
    election.events.push_back({.data = reader.text("data"), .signature = reader.text("signature")});
    fields.include("events", reader);
  }
  return election;
}

// The document, or what is wrong with it.
absl::StatusOr<json> read_document(std::string_view data) {
  if (data.size() > kMaxOfficeMessageBytes) {
    return absl::InvalidArgumentError("the message is too large");
  }
  StrictJson document = parse_strict_json(data);
  if (document.problems.empty()) return std::move(document.value);
  const Problem& first = document.problems.front();
  return absl::InvalidArgumentError(fmt::format("the message {} {}", first.place, first.what));
}

}  // namespace

std::string logger_office_filter() { return command_filter(kToLogger); }

std::string recorder_office_filter() {
  return fmt::format("({}) OR {}", command_filter(kToRecorder),
                     equals(kFunction, kDescribeElection));
}

std::string office_answer_filter(const std::string& office_id) {
  return fmt::format("{} AND {}", equals(kFunction, kOfficeAnswer), equals(kOfficeId, office_id));
}

Message office_command_message(std::string data, std::string_view to, std::string office_id,
                               std::string signature) {
  return {std::move(data),
          {{std::string(kFunction), std::string(kOfficeCommand)},
           {std::string(kTo), std::string(to)},
           {std::string(kOfficeId), std::move(office_id)},
           {std::string(kSignature), std::move(signature)}}};
}

Message office_answer_message(const OfficeAnswer& answer, std::string office_id) {
  return {encode(answer),
          {{std::string(kFunction), std::string(kOfficeAnswer)},
           {std::string(kOfficeId), std::move(office_id)}}};
}

std::string encode(const DescribeRequest& request) {
  json object = {{"machine_ID", request.machine}, {"UUID", request.uuid}};
  if (request.election) object["election_ID"] = *request.election;
  if (request.event) object["event"] = *request.event;
  return to_canonical(object);
}

absl::StatusOr<DescribeRequest> parse_describe(std::string_view data) {
  if (data.size() > kMaxMessageBytes) {
    return absl::InvalidArgumentError("the message is too large");
  }
  ASSIGN_OR_RETURN(const json document, read_document(data));
  ObjectReader fields(document);
  DescribeRequest request{.election = fields.optional_integer("election_ID"),
                          .machine = fields.integer("machine_ID"),
                          .uuid = fields.text("UUID")};
  if (fields.has("event")) request.event = fields.text("event");
  if (request.election.has_value() == request.event.has_value()) {
    fields.fail("election_ID", "or event must be given, and not both");
  }
  if (request.uuid.empty() || request.uuid.size() > kMaxUuidBytes) {
    fields.fail("UUID", "must have 1 to 128 bytes");
  }
  if (!fields.ok()) return fields.status();
  return request;
}

Message describe_message(const DescribeRequest& request) {
  return {encode(request),
          {{std::string(kFunction), std::string(kDescribeElection)},
           {std::string(kMachineId), std::to_string(request.machine)}}};
}

std::string encode(const DescribeAnswer& answer) {
  json elections = json::array();
  for (const DescribedElection& election : answer.elections) elections.push_back(to_json(election));
  return to_canonical({{"result", kDefinitionResult},
                       {"UUID", answer.uuid},
                       {"elections", std::move(elections)},
                       {"now_utc_ms", answer.now_utc_ms}});
}

absl::StatusOr<DescribeAnswer> parse_describe_answer(std::string_view data) {
  ASSIGN_OR_RETURN(const json document, read_document(data));
  ObjectReader fields(document);
  if (fields.text("result") != kDefinitionResult) fields.fail("result", "must be \"definition\"");
  DescribeAnswer answer{.uuid = fields.text("UUID"), .now_utc_ms = fields.integer("now_utc_ms")};
  for (const json& election : fields.array("elections")) {
    ObjectReader reader(election);
    answer.elections.push_back(read_described(reader));
    fields.include("elections", reader);
  }
  if (!fields.ok()) return fields.status();
  return answer;
}

bool is_describe_answer(std::string_view data) {
  const auto document = read_document(data);
  if (!document.ok() || !document->is_object()) return false;
  const auto result = document->find("result");
  return result != document->end() && *result == std::string(kDefinitionResult);
}

Message describe_answer_message(std::int64_t machine, const DescribeAnswer& answer) {
  return {encode(answer),
          {{std::string(kFunction), std::string(kResult)},
           {std::string(kMachineId), std::to_string(machine)}}};
}

}  // namespace pollbus::wire
