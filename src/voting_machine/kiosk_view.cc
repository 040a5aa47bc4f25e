#include "voting_machine/kiosk_view.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace pollbus::voting_machine {
namespace {

using nlohmann::json;

std::string_view to_text(BallotSession::Stage stage) {
  static constexpr std::array<std::string_view, 5> kNames{"start", "identify", "contest", "review",
                                                          "answer"};
  return kNames[static_cast<std::size_t>(stage)];
}

// {"text": …, "language": …}, so that the page can say in which language a name is.
json localized(const LocalizedText& text, const std::string& wanted) {
  const std::string& found = text_in(text, wanted);
  const auto is_found = [&](const auto& entry) { return entry.second == found; };
  const auto exact = text.find(wanted);
  const auto entry = exact != text.end() ? exact : std::ranges::find_if(text, is_found);
  return {{"text", found}, {"language", entry == text.end() ? wanted : entry->first}};
}

Phase phase_of(const KioskView& view, std::int64_t election) {
  for (const ElectionState& state : view.elections) {
    if (state.definition.election == election) return phase_at(state, view.now_ms);
  }
  return Phase::kDefined;
}

json elections(const KioskView& view) {
  json list = json::array();
  for (const ElectionState& state : view.elections) {
    json each{{"title", localized(state.definition.title, view.display.language)},
              {"phase", pollbus::to_text(phase_at(state, view.now_ms))},
              {"fingerprint", short_fingerprint(fingerprint(state.definition))}};
    if (state.opens_ms) each["opens_ms"] = *state.opens_ms;
    if (state.closes_ms) each["closes_ms"] = *state.closes_ms;
    each["time_zone"] = state.definition.time_zone;
    list.push_back(std::move(each));
  }
  return list;
}

json contest(const KioskView& view) {
  const BallotSession::Line& line = view.session.lines()[view.session.at()];
  json choices = json::array();
  for (const Choice& choice : line.definition.choices) {
    choices.push_back(
        {{"voting", choice.voting}, {"name", localized(choice.name, view.display.language)}});
  }
  return {{"index", view.session.at()},
          {"title", localized(line.definition.title, view.display.language)},
          {"choices", std::move(choices)},
          {"chosen", line.choice ? json(*line.choice) : json()},
          {"is_reviewed", view.session.is_reviewed_before()},
          {"phase", pollbus::to_text(phase_of(view, line.definition.election))}};
}

json review_line(const KioskView& view, const BallotSession::Line& line) {
  json chosen;
  for (const Choice& choice : line.definition.choices) {
    if (line.choice == choice.voting) chosen = localized(choice.name, view.display.language);
  }
  return {{"title", localized(line.definition.title, view.display.language)},
          {"chosen", std::move(chosen)},
          {"phase", pollbus::to_text(phase_of(view, line.definition.election))}};
}

json answer_line(const KioskView& view, const BallotSession::Line& line) {
  json each{{"title", localized(line.definition.title, view.display.language)},
            {"state", to_text(line.state)},
            {"is_blank", line.is_blank}};
  // The page shows a code only if the vote may be recorded, because the board finds no other.
  const bool may_be_recorded = line.state == VoteState::kRecorded || !is_final(line.state) ||
                               line.state == VoteState::kUnknown;
  if (may_be_recorded) each["tracking"] = line.tracking;
  if (line.state == VoteState::kRejected) each["reason"] = line.reason;
  return each;
}

json languages(const web::Languages& languages) {
  json list = json::array();
  for (const std::string& tag : languages.tags()) {
    list.push_back({{"tag", tag},
                    {"name", languages.name(tag)},
                    {"direction", languages.direction(tag)},
                    {"start", languages.text(tag, "kiosk.start")}});
  }
  return list;
}

bool is_test(const KioskView& view) {
  return std::ranges::any_of(view.elections,
                             [](const auto& state) { return state.definition.is_test; });
}

void add_stage(const KioskView& view, json* page) {
  using Stage = BallotSession::Stage;
  const auto lines = [&](auto render) {
    auto list = json::array();
    for (const auto& line : view.session.lines()) list.push_back(render(view, line));
    return list;
  };
  switch (view.session.stage()) {
    case Stage::kStart:
      (*page)["elections"] = elections(view);
      (*page)["is_event_known"] = view.is_event_known;
      return;
    case Stage::kIdentify:
      (*page)["needs_code"] = view.session.needs_code();
      return;
    case Stage::kContest:
      (*page)["contest"] = contest(view);
      return;
    case Stage::kReview:
      (*page)["lines"] = lines(review_line);
      return;
    case Stage::kAnswer:
      (*page)["lines"] = lines(answer_line);
      if (view.ends_in) (*page)["ends_in_ms"] = view.ends_in->count();
      return;
  }
}

}  // namespace

json to_json(const KioskView& view) {
  json page{{"session", view.session.id()},
            {"revision", view.session.revision()},
            {"stage", to_text(view.session.stage())},
            {"notice", view.session.notice()},
            {"event", view.event},
            {"is_test", is_test(view)},
            {"can_print", view.can_print},
            {"contests", view.session.lines().size()},
            {"idle_ms", view.idle_time.count()},
            {"warning_ms", view.warning_time.count()},
            {"languages", languages(view.languages)}};
  page["cast_sessions"] = view.past_sessions ? json(*view.past_sessions) : json();
  page["display"] = {{"language", view.display.language},
                     {"size", view.display.size},
                     {"theme", view.display.theme},
                     {"direction", view.languages.direction(view.display.language)}};
  add_stage(view, &page);
  return page;
}

}  // namespace pollbus::voting_machine
