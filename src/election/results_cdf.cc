// NIST SP 1500-100r2, https://github.com/usnistgov/ElectionResultsReporting (version 2).
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "election/results_export.h"

namespace pollbus {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kVendor[] = "Pollbus";

// An object of the format: every one names its class.
Json object(const char* type) { return {{"@type", fmt::format("ElectionResults.{}", type)}}; }

// Identifiers begin with a letter, because the XML form of the format requires it.
std::string unit_id(const Definition& definition) {
  return fmt::format("election-district-{}", definition.election);
}
std::string machine_id(std::int64_t machine) { return fmt::format("machine-{}", machine); }
std::string candidate_id(std::int64_t voting) { return fmt::format("candidate-{}", voting); }

Json text_of(const LocalizedText& localized_text) {
  Json text = object("InternationalizedText");
  text["Text"] = Json::array();
  for (const auto& [language, content] : localized_text) {
    Json string = object("LanguageString");
    string["Content"] = content;
    string["Language"] = language;
    text["Text"].push_back(string);
  }
  return text;
}

const char* status_of(Phase phase) {
  switch (phase) {
    case Phase::kDefined:
      return "pre-election";
    case Phase::kOpen:
    case Phase::kPaused:
      return "unofficial-partial";
    case Phase::kClosed:
    case Phase::kSealed:
      return "unofficial-complete";
    case Phase::kCertified:
      return "certified";
  }
  return "pre-election";
}

Json ballot_counts(const std::string& unit, std::int64_t cast) {
  Json counts = object("BallotCounts");
  counts["BallotsCast"] = cast;
  counts["GpUnitId"] = unit;
  counts["Type"] = "total";
  return counts;
}

Json candidates(const Definition& definition) {
  Json all = Json::array();
  for (const Choice& choice : definition.choices) {
    Json candidate = object("Candidate");
    candidate["@id"] = candidate_id(choice.voting);
    candidate["BallotName"] = text_of(choice.name);
    all.push_back(candidate);
  }
  return all;
}

Json selections(const Results& results) {
  Json all = Json::array();
  for (std::size_t i = 0; i < results.definition.choices.size(); ++i) {
    const std::int64_t voting = results.definition.choices[i].voting;
    Json selection = object("CandidateSelection");
    selection["@id"] = fmt::format("selection-{}", voting);
    selection["CandidateIds"] = {candidate_id(voting)};
    selection["SequenceOrder"] = i + 1;
    if (results.tally) {
      Json counts = object("VoteCounts");
      counts["Count"] = results.tally->choices[i].votes;
      counts["GpUnitId"] = unit_id(results.definition);
      counts["Type"] = "total";
      selection["VoteCounts"] = Json::array({counts});
    }
    all.push_back(selection);
  }
  return all;
}

Json contest(const Results& results) {
  const Definition& definition = results.definition;
  Json contest = object("CandidateContest");
  contest["@id"] = fmt::format("contest-{}", definition.election);
  contest["BallotTitle"] = text_of(definition.title);
  contest["ContestSelection"] = selections(results);
  contest["ElectionDistrictId"] = unit_id(definition);
  contest["Name"] = text_in(definition.title, "en");
  if (results.tally) {
    Json other = object("OtherCounts");
    other["GpUnitId"] = unit_id(definition);
    other["Overvotes"] = 0;
    other["Undervotes"] = results.tally->blank;
    contest["OtherCounts"] = Json::array({other});
  }
  contest["VoteVariation"] = "plurality";
  contest["VotesAllowed"] = 1;
  return contest;
}

// Days on the calendar of the election's time zone.
std::string day_of(const std::optional<ZonedTime>& time, const Results& results) {
  constexpr std::size_t kDayLength = 10;
  const std::string text =
      time ? time->local : local_text(results.as_of_utc_ms, results.definition.time_zone);
  return text.substr(0, kDayLength);
}

Json election(const Results& results) {
  const Definition& definition = results.definition;
  Json election = object("Election");
  Json total = ballot_counts(unit_id(definition), results.turnout.voted);
  if (results.tally) total["BallotsRejected"] = results.tally->rejected;
  election["BallotCounts"] = Json::array({total});
  for (const auto& [machine, votes] : results.turnout.by_machine)
    election["BallotCounts"].push_back(ballot_counts(machine_id(machine), votes));
  election["Candidate"] = candidates(definition);
  election["Contest"] = Json::array({contest(results)});
  election["ElectionScopeId"] = unit_id(definition);
  const std::string last_day = day_of(definition.closes, results);
  election["EndDate"] = last_day;
  election["Name"] = text_of(definition.title);
  election["StartDate"] = std::min(day_of(definition.opens, results), last_day);
  election["Type"] = "other";
  election["OtherType"] = "single contest";
  return election;
}

Json units(const Results& results) {
  Json unit = object("ReportingUnit");
  unit["@id"] = unit_id(results.definition);
  unit["Name"] = text_of(results.definition.title);
  unit["Type"] = "other";
  unit["OtherType"] = "electorate";
  unit["VotersParticipated"] = results.turnout.voted;
  if (results.turnout.roll) unit["VotersRegistered"] = *results.turnout.roll;
  Json all = Json::array({unit});
  for (const auto& [machine, votes] : results.turnout.by_machine) {
    Json device = object("ReportingDevice");
    device["@id"] = machine_id(machine);
    device["SerialNumber"] = std::to_string(machine);
    all.push_back(device);
  }
  return all;
}

std::string notes(const Results& results) {
  std::string text;
  for (const std::string_view marking : markings(results)) text += fmt::format("{}. ", marking);
  return text + fmt::format("Definition {}.", results.short_fingerprint);
}

}  // namespace

std::string results_as_cdf(const Results& results) {
  Json report = object("ElectionReport");
  report["Election"] = Json::array({election(results)});
  report["Format"] = "summary-contest";
  report["GeneratedDate"] = utc_text(results.as_of_utc_ms);
  report["GpUnit"] = units(results);
  report["IsTest"] = results.definition.is_test;
  report["Issuer"] = results.definition.event.empty() ? kVendor : results.definition.event;
  report["IssuerAbbreviation"] = kVendor;
  report["Notes"] = notes(results);
  report["SequenceEnd"] = 1;
  report["SequenceStart"] = 1;
  report["Status"] = status_of(results.phase);
  if (results.definition.is_test) report["TestType"] = "rehearsal";
  report["VendorApplicationId"] = kVendor;
  return report.dump(2) + "\n";
}

}  // namespace pollbus
