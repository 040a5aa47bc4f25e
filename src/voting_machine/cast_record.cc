#include "voting_machine/cast_record.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/logging.h"

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
  CastRecord record{.session = json.at("session"), .language = json.at("language"), .lines = {}};
  for (const auto& line : json.at("votes")) record.lines.push_back(parse_line(line));
  return record;
}

}  // namespace

std::optional<CastRecord> CastRecordFile::load() const {
  const auto text = read_whole_file(path_, kMaxRecordBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) {
    log_error("cannot read what became of the last ballot", {{"error", text.status()}});
    return std::nullopt;
  }
  try {
    return parse(*text);
  } catch (const nlohmann::json::exception&) {
    log_error("the record of the last ballot is damaged", {{"file", path_.string()}});
    return std::nullopt;
  }
}

absl::Status CastRecordFile::save(const CastRecord& record) const {
  nlohmann::json json{{"session", record.session},
                      {"language", record.language},
                      {"votes", nlohmann::json::array()}};
  for (const auto& line : record.lines) json["votes"].push_back(to_json(line));
  return write_whole_file(path_, json.dump(), kOwnerOnly);
}

absl::Status CastRecordFile::remove() const {
  if (unlink(path_.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("cannot remove {}: {}", path_.string(), std::strerror(errno)));
}

}  // namespace pollbus::voting_machine
