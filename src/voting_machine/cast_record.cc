#include "voting_machine/cast_record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr std::size_t kMaxRecordBytes = 1024 * 1024;

nlohmann::json to_json(const BallotSession::Line& line) {
  return {{"election", line.definition.election},
          {"title", line.definition.title},
          {"is_blank", line.is_blank},
          {"tracking", line.tracking},
          {"state", to_text(line.state)},
          {"reason", line.reason}};
}

BallotSession::Line parse_line(const nlohmann::json& json) {
  BallotSession::Line line;
  line.definition.election = json.at("election");
  line.definition.title = json.at("title").get<LocalizedText>();
  line.is_blank = json.at("is_blank");
  line.tracking = json.at("tracking");
  line.reason = json.at("reason");
  line.state = parse_vote_state(json.at("state").get<std::string>()).value_or(VoteState::kUnknown);
  return line;
}

CastRecord parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  CastRecord record{.session = json.at("session"), .language = json.at("language")};
  for (const auto& line : json.at("votes")) record.lines.push_back(parse_line(line));
  if (const auto past = json.find("past"); past != json.end())
    record.past = past->get<std::vector<std::string>>();
  return record;
}

}  // namespace

absl::StatusOr<CastRecord> CastRecordFile::load() const {
  const auto text = read_whole_file(path_, kMaxRecordBytes);
  if (absl::IsNotFound(text.status())) return CastRecord();
  RETURN_IF_ERROR(text.status());
  try {
    return parse(*text);
  } catch (const nlohmann::json::exception&) {
    return absl::DataLossError(fmt::format("{} is damaged", path_.string()));
  }
}

absl::Status CastRecordFile::save(const CastRecord& record) const {
  nlohmann::json json{{"session", record.session},
                      {"language", record.language},
                      {"votes", nlohmann::json::array()},
                      {"past", record.past}};
  for (const auto& line : record.lines) json["votes"].push_back(to_json(line));
  return write_whole_file(path_, json.dump(), kOwnerOnly);
}

}  // namespace pollbus::voting_machine
