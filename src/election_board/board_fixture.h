#pragma once

#include <string>
#include <vector>

#include "election_board/board_pages.h"
#include "election_board/snapshot.h"
#include "web/asset.h"
#include "web/languages.h"

namespace pollbus::election_board {

inline const web::Languages& all_languages() {
  static const web::Languages languages({web::shared_languages(), web::board_languages()});
  return languages;
}

inline constexpr std::int64_t kNoon = 1'796'126'400'000;  // 2026-12-01T12:00:00Z

// Makes the readings of a database with one election, step by step.
class FakeElection {
 public:
  explicit FakeElection(const std::string& definition_json, std::int64_t election = 12)
      : election_(election) {
    auto definition = parse_definition(definition_json);
    for (const Problem& problem : std::get_if<std::vector<Problem>>(&definition)
                                      ? std::get<std::vector<Problem>>(definition)
                                      : std::vector<Problem>())
      throw std::invalid_argument(problem.place + ": " + problem.what);
    Event event{.kind = EventKind::kDefine};
    event.definition = std::get<Definition>(std::move(definition));
    add(std::move(event));
    counts.now_utc_ms = kNoon;
  }

  void add(Event event) {
    event.election = election_;
    event.sequence = ++sequence_;
    event.previous = previous_;
    event.time_ms = kNoon - 3'600'000 + sequence_ * 60'000;
    const std::string data = encode(event);
    previous_ = sha256(data);
    const std::string signature = office.sign(data);
    counts.events.push_back({.election = election_, .event = {data, signature}});
    counts.sequences[election_] = sequence_;
  }
  void add(EventKind kind) { add(Event{.kind = kind}); }

  void set_votes(const std::vector<std::int64_t>& by_choice) {
    std::int64_t sum = 0;
    counts.by_choice[election_].clear();
    for (std::size_t i = 0; i < by_choice.size(); ++i) {
      if (by_choice[i] > 0)
        counts.by_choice[election_][static_cast<std::int64_t>(i)] = by_choice[i];
      sum += by_choice[i];
    }
    if (sum == 0) return;
    counts.by_machine[election_] = {{3, sum}};
    counts.by_minute[election_] = {{kNoon - 1'800'000, sum / 2}, {kNoon - 600'000, sum - sum / 2}};
  }

  OfficePrivateKey office = OfficePrivateKey::generate();
  PublicCounts counts;

 private:
  const std::int64_t election_;
  std::int64_t sequence_ = 0;
  Sha256 previous_{};
};

// An election by hand: no times, no roll.
inline std::string definition_json(const std::string& choices, const std::string& more = "") {
  return R"({"election_ID":12,"event":"City 2026","title":{"en":"Ward 4","fr":"Quartier 4"},)"
         R"("time_zone":"America/Toronto","eligibility":"open","results":"after close","choices":[)" +
         choices + "]" + more + "}";
}
inline std::string two_choices(const std::string& more = "") {
  return definition_json(R"({"voting":0,"name":{"en":"Ada Lovelace"}},)"
                         R"({"voting":1,"name":{"en":"Alan Turing"}})",
                         more);
}

}  // namespace pollbus::election_board
