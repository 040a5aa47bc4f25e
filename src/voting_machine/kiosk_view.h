#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "election/election_state.h"
#include "voting_machine/ballot_session.h"
#include "web/languages.h"

namespace pollbus::voting_machine {

// How the voter wants the page to look. Back to these values for the next voter.
struct Display {
  std::string language{web::kDefaultLanguage};
  std::string size = "m";       // s, m, l, xl
  std::string theme = "light";  // light, dark, high-light, high-dark
  bool operator==(const Display&) const = default;
};

// Everything that the page shows.
struct KioskView {
  const BallotSession& session;
  const Display& display;
  const web::Languages& languages;
  const std::string& event;
  const std::vector<ElectionState>& elections;
  std::int64_t now_ms = 0;      // by the recorder's clock
  bool is_event_known = false;  // an answer about the event has come
  const std::optional<std::vector<std::string>>& past_sessions;  // CastRecord::past, if known
  bool can_print = false;
  std::chrono::milliseconds idle_time{};
  std::chrono::milliseconds warning_time{};
  std::optional<std::chrono::milliseconds> ends_in;  // the answer leaves the page
};

// The view as JSON; docs/kiosk.md describes it. Names are in the voter's language, or else in one
// that is named beside them. Pure function.
nlohmann::json to_json(const KioskView& view);

}  // namespace pollbus::voting_machine
