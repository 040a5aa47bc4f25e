// Checks the export against the rules of NIST SP 1500-100 version 2 for the classes that it uses:
// which properties exist, which are required, and what values they take
// (https://github.com/usnistgov/ElectionResultsReporting, tag v2.0.3).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "election/results_export.h"
#include "election/results_fixture.h"

namespace pollbus {
namespace {

using Json = nlohmann::json;

// class: property[!]=type …; "!" is required, "[]" is a list, "|" separates the classes of a list's
// items or the values of "one-of".
constexpr char kRules[] = R"(
ElectionReport: Format!=one-of(precinct-level|summary-contest) GeneratedDate!=date-time Issuer!=string IssuerAbbreviation!=string SequenceStart!=integer SequenceEnd!=integer Status!=one-of(certified|correction|pre-election|recount|unofficial-complete|unofficial-partial) VendorApplicationId!=string Election=[](Election) GpUnit=[](ReportingUnit|ReportingDevice) IsTest=boolean Notes=string TestType=string
Election: ElectionScopeId!=id(ReportingUnit) StartDate!=date EndDate!=date Name!=InternationalizedText Type!=one-of(general|other|partisan-primary-closed|partisan-primary-open|primary|runoff|special) OtherType=string BallotCounts=[](BallotCounts) Candidate=[](Candidate) Contest=[](CandidateContest)
BallotCounts: GpUnitId!=id(ReportingUnit|ReportingDevice) Type!=one-of(absentee|early|election-day|other|provisional|total|write-in) BallotsCast=integer BallotsRejected=integer BallotsOutstanding=integer
Candidate: @id!=string BallotName!=InternationalizedText
CandidateContest: @id!=string ElectionDistrictId!=id(ReportingUnit) Name!=string VotesAllowed!=integer BallotTitle=InternationalizedText ContestSelection=[](CandidateSelection) OtherCounts=[](OtherCounts) VoteVariation=one-of(approval|borda|cumulative|majority|n-of-m|other|plurality|proportional|range|rcv|super-majority) NumberElected=integer SequenceOrder=integer
CandidateSelection: @id!=string CandidateIds=ids(Candidate) SequenceOrder=integer VoteCounts=[](VoteCounts)
VoteCounts: Count!=number GpUnitId!=id(ReportingUnit|ReportingDevice) Type!=one-of(absentee|early|election-day|other|provisional|total|write-in)
OtherCounts: GpUnitId!=id(ReportingUnit|ReportingDevice) Overvotes=number Undervotes=number WriteIns=integer
ReportingUnit: @id!=string Type!=one-of(city|county|municipality|other|precinct|state|ward) OtherType=string Name=InternationalizedText VotersParticipated=integer VotersRegistered=integer
ReportingDevice: @id!=string SerialNumber=string Name=InternationalizedText
InternationalizedText: Text!=[](LanguageString)
LanguageString: Content!=string Language!=string
)";

struct Property {
  std::string type;  // what stands before the parentheses
  std::set<std::string> names;
  bool is_required = false;
};
using Rules = std::map<std::string, std::map<std::string, Property>>;

std::set<std::string> split(const std::string& text, char separator) {
  std::set<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.insert(part);
  return parts;
}

Rules parse_rules() {
  Rules rules;
  std::istringstream lines(kRules);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const std::size_t colon = line.find(": ");
    auto& properties = rules[line.substr(0, colon)];
    properties["@type"] = {.type = "string", .is_required = true};
    for (const std::string& rule : split(line.substr(colon + 2), ' ')) {
      std::smatch match;
      static const std::regex kRule(R"(([@\w]+)(!?)=([\w\[\]-]+)(?:\((.*)\))?)");
      if (!std::regex_match(rule, match, kRule)) ADD_FAILURE() << "cannot read the rule " << rule;
      properties[match[1]] = {match[3], split(match[4], '|'), match[2] == "!"};
    }
  }
  return rules;
}

class Checker {
 public:
  // What is wrong with a report; empty if it follows the rules.
  static std::vector<std::string> problems(const Json& report) {
    Checker checker;
    checker.object(report, {"ElectionReport"}, "report");
    for (const auto& [place, id, classes] : checker.references_)
      if (!classes.contains(checker.class_by_id_[id]))
        checker.problems_.push_back(place + " does not lead to an object: " + id);
    return checker.problems_;
  }

 private:
  void expect(bool holds, const std::string& place) {
    if (!holds) problems_.push_back(place);
  }

  void object(const Json& json, const std::set<std::string>& classes, const std::string& place) {
    const std::string type = json.is_object() ? json.value("@type", "") : "";
    const std::string name = type.substr(type.find('.') + 1);
    if (!type.starts_with("ElectionResults.") || !classes.contains(name))
      return problems_.push_back(place + " has the class " + type);
    const auto& properties = rules_.at(name);
    for (const auto& [key, property] : properties)
      expect(!property.is_required || json.contains(key), place + " lacks " + key);
    for (const auto& [key, value] : json.items()) {
      const auto property = properties.find(key);
      if (property == properties.end()) {
        problems_.push_back(place + " has the unknown property " + key);
      } else {
        check(value, property->second, place + "." + key);
      }
    }
    if (json.contains("@id")) {
      expect(!class_by_id_.contains(json["@id"]), place + " has an identifier that is used twice");
      class_by_id_[json["@id"]] = name;
      static const std::regex kNcName("[A-Za-z_][A-Za-z0-9_.-]*");
      expect(std::regex_match(json["@id"].get<std::string>(), kNcName), place + " has a bad @id");
    }
  }

  void check(const Json& value, const Property& property, const std::string& place) {
    const std::string& type = property.type;
    if (type == "[]") {
      expect(value.is_array() && !value.empty(), place);
      for (const Json& item : value) object(item, property.names, place);
    } else if (type == "ids") {
      expect(value.is_array(), place);
      for (const Json& item : value) references_.push_back({place, item, property.names});
    } else if (type == "id") {
      references_.push_back({place, value, property.names});
    } else if (rules_.contains(type)) {
      object(value, {type}, place);
    } else {
      expect(is_value(value, property), place + " has the wrong value " + value.dump());
    }
  }

  static bool is_value(const Json& value, const Property& property) {
    static const std::regex kDate("[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])");
    static const std::regex kDateTime(
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][01][0-9]:[0-5][0-9]"
        ")");
    const std::string& type = property.type;
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (!value.is_string()) return false;
    const auto text = value.get<std::string>();
    if (type == "date") return std::regex_match(text, kDate);
    if (type == "date-time") return std::regex_match(text, kDateTime);
    if (type == "one-of") return property.names.contains(text);
    return type == "string";
  }

  struct Reference {
    std::string place;
    std::string id;
    std::set<std::string> classes;
  };
  const Rules rules_ = parse_rules();
  std::vector<std::string> problems_;
  std::vector<Reference> references_;
  std::map<std::string, std::string> class_by_id_;
};

Json cdf(const ResultsInput& input) { return Json::parse(results_as_cdf(make_results(input))); }

ResultsInput full_input() {
  ResultsInput input = with_votes(closed_election({"Ada", "Alan"}), {30, 12});
  input.definition.choices[0].name["fr"] = "Ada L.";
  input.votes_by_machine = {{1, 40}, {9'007'199'254'740'991, 2}};
  (*input.votes_by_choice)[99] = 1;
  input.roll = 100;
  return input;
}

TEST(Cdf, AReportFollowsTheRulesOfTheFormatInEveryPhase) {
  ResultsInput input = full_input();
  for (const bool is_test : {false, true}) {
    for (const Phase phase : {Phase::kDefined, Phase::kOpen, Phase::kPaused, Phase::kClosed,
                              Phase::kSealed, Phase::kCertified}) {
      input.phase = phase;
      input.definition.is_test = is_test;
      EXPECT_EQ(Checker::problems(cdf(input)), std::vector<std::string>{});
    }
  }
}

TEST(Cdf, AReportWithoutRollTimesMachinesAndVotesFollowsTheRulesToo) {
  ResultsInput input = closed_election({"A"});
  input.definition.opens.reset();
  input.definition.closes.reset();
  input.votes_by_choice.emplace();
  EXPECT_EQ(Checker::problems(cdf(input)), std::vector<std::string>{});
}

TEST(Cdf, TheCheckFindsReportsThatBreakTheRules) {
  const Json good = cdf(full_input());
  const auto is_found = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return !Checker::problems(bad).empty();
  };
  EXPECT_TRUE(is_found("/Surprise", 1));
  EXPECT_TRUE(is_found("/Status", "final"));
  EXPECT_TRUE(is_found("/GeneratedDate", "2026-12-02T01:01:00"));
  EXPECT_TRUE(is_found("/Election/0/EndDate", "2026-13-01"));
  EXPECT_TRUE(is_found("/Election/0/ElectionScopeId", "nowhere"));
  EXPECT_TRUE(is_found("/Election/0/Contest/0/VotesAllowed", "1"));
  EXPECT_TRUE(is_found("/Election/0/Contest/0/ContestSelection/0/CandidateIds/0", "candidate-7"));
  Json bad = good;
  bad.erase("Issuer");
  EXPECT_EQ(Checker::problems(bad), std::vector<std::string>{"report lacks Issuer"});
}

TEST(Cdf, StatusFollowsThePhase) {
  ResultsInput input = full_input();
  EXPECT_EQ(cdf(input)["Status"], "unofficial-complete");
  input.phase = Phase::kCertified;
  EXPECT_EQ(cdf(input)["Status"], "certified");
  input.phase = Phase::kOpen;
  EXPECT_EQ(cdf(input)["Status"], "unofficial-partial");
}

TEST(Cdf, DaysAreThoseOfTheElectionsTimeZone) {
  ResultsInput input = full_input();
  EXPECT_EQ(cdf(input)["Election"][0]["EndDate"], "2026-12-01");
  input.definition.opens.reset();
  input.definition.closes.reset();
  EXPECT_EQ(cdf(input)["Election"][0]["EndDate"], "2026-12-01");  // 2 December in UTC
}

TEST(Cdf, CountsAreThoseOfTheTally) {
  const Json election = cdf(full_input())["Election"][0];
  const Json selection = election["Contest"][0]["ContestSelection"][1];
  EXPECT_EQ(selection["VoteCounts"][0]["Count"], 12);
  EXPECT_EQ(election["BallotCounts"][0]["BallotsCast"], 42);
  EXPECT_EQ(election["BallotCounts"][0]["BallotsRejected"], 1);
}

}  // namespace
}  // namespace pollbus
