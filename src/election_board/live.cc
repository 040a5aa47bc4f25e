#include "election_board/live.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace pollbus::election_board {
namespace {

const std::string kNone;
// More names than these would be a paragraph; the table has them all.
constexpr std::size_t kMaxNamesOfTie = 5;

std::string bar_width(std::int64_t votes, std::int64_t most) {
  if (most == 0) return "0";
  return fmt::format("{:.1f}", 100.0 * static_cast<double>(votes) / static_cast<double>(most));
}

// "2026-12-01 08:00", for places where the time zone is known.
std::string minute_text(std::int64_t utc_ms, const std::string& zone) {
  constexpr std::size_t kLength = 16;
  return local_text(utc_ms, zone).substr(0, kLength);
}

std::string headline_of(const Tally& tally, Phase phase, const Format& format) {
  const bool is_final = phase == Phase::kSealed || phase == Phase::kCertified;
  if (tally.valid == 0) return format.plain(is_final ? "result.none.final" : "result.none");
  if (tally.leading.size() > kMaxNamesOfTie) {
    const auto count = static_cast<std::int64_t>(tally.leading.size());
    return format.plain("result.tie.many", {{"count", format.count(count)}});
  }
  std::string names;
  for (const std::size_t index : tally.leading) {
    if (!names.empty()) names += format.plain("list.separator");
    names += format.plain_name(tally.choices[index].name);
  }
  return format.plain(tally.leading.size() > 1 ? "result.tie" : "result.most", {{"names", names}});
}

void add_tally(const Tally& tally, Phase phase, const Format& format, Figures& figures) {
  std::int64_t most = 0;
  for (const ChoiceResult& choice : tally.choices) most = std::max(most, choice.votes);
  for (const ChoiceResult& choice : tally.choices) {
    const auto key = [&](const char* what) { return choice_key(choice.voting, what); };
    figures.texts.emplace_back(key("votes"), format.count(choice.votes));
    figures.texts.emplace_back(key("share"), tally.valid == 0
                                                 ? format.plain("nothing")
                                                 : format.percent(choice.tenths_of_percent));
    figures.texts.emplace_back(
        key("place"), choice.place == 0 ? format.plain("nothing")
                      : choice.is_tied
                          ? format.plain("place.tied", {{"place", std::to_string(choice.place)}})
                          : std::to_string(choice.place));
    figures.shapes.push_back({key("bar"), "width", bar_width(choice.votes, most)});
  }
  figures.texts.emplace_back("valid", format.count(tally.valid));
  figures.texts.emplace_back("blank", format.count(tally.blank));
  figures.texts.emplace_back("rejected", format.count(tally.rejected));
  figures.texts.emplace_back("headline", headline_of(tally, phase, format));
}

void add_turnout(const ElectionView& view, const Format& format, Figures& figures) {
  const Turnout& turnout = view.results.turnout;
  figures.texts.emplace_back("voted", format.count(turnout.voted));
  if (turnout.tenths_of_percent) {
    figures.texts.emplace_back(
        "turnout",
        format.plain("turnout.of-roll", {{"percent", format.percent(*turnout.tenths_of_percent)},
                                         {"roll", format.count(turnout.roll.value_or(0))}}));
    figures.shapes.push_back(
        {"turnout-bar", "width", bar_width(std::min(turnout.voted, *turnout.roll), *turnout.roll)});
  }
  for (const auto& [machine, votes] : turnout.by_machine) {
    if (figures.machines.size() == kMaxMachines) break;
    figures.machines.emplace_back(std::to_string(machine), format.count(votes));
  }
}

void add_series(const ElectionView& view, const TimeSeries& series, const Format& format,
                Figures& figures) {
  if (series.bins.empty()) return;
  const std::string& zone = view.state.definition.time_zone;
  const std::int64_t end = series.bins.back().start_utc_ms + series.bin_ms;
  figures.shapes.push_back({"chart-line", "d", chart_line(series)});
  figures.shapes.push_back({"chart-area", "d", chart_area(series)});
  figures.texts.emplace_back("chart-start", minute_text(series.bins.front().start_utc_ms, zone));
  figures.texts.emplace_back("chart-end", minute_text(end, zone));
  figures.texts.emplace_back("chart-top", format.count(series.bins.back().total));
}

}  // namespace

const std::string& Figures::text(std::string_view key) const {
  for (const auto& [each, text] : texts)
    if (each == key) return text;
  return kNone;
}

const std::string& Figures::shape(std::string_view key) const {
  for (const Shape& each : shapes)
    if (each.key == key) return each.value;
  return kNone;
}

Figures figures_of(const ElectionView& view, const TimeSeries& series, const Format& format) {
  Figures figures;
  if (view.results.tally) add_tally(*view.results.tally, view.phase, format, figures);
  add_turnout(view, format, figures);
  add_series(view, series, format, figures);
  figures.texts.emplace_back(
      "changed", local_text(view.results.as_of_utc_ms, view.state.definition.time_zone));
  return figures;
}

std::string choice_key(std::int64_t voting, const char* what) {
  return fmt::format("choice-{}-{}", voting, what);
}

std::string structure_of(const ElectionView& view) {
  const bool has_votes = !view.results.turnout.by_machine.empty();
  return fmt::format("{}-{}-{}-{}-{}", view.state.sequence, to_text(view.phase),
                     view.results.tally.has_value(), has_votes, view.problem.empty());
}

std::string live_json(const Snapshot& snapshot, const ElectionView& view, const Format& format) {
  const Figures figures = figures_of(view, make_time_series(view.minutes), format);
  nlohmann::ordered_json json{
      {"number", snapshot.number},
      {"structure", structure_of(view)},
      {"voted", view.results.turnout.voted},
      {"announce", format.plain("turnout.announce", {{"count", figures.text("voted")}})}};
  json["texts"] = nlohmann::ordered_json::object();
  for (const auto& [key, text] : figures.texts) json["texts"][key] = text;
  json["shapes"] = nlohmann::ordered_json::array();
  for (const Figures::Shape& shape : figures.shapes)
    json["shapes"].push_back({shape.key, shape.attribute, shape.value});
  json["machines"] = figures.machines;
  return json.dump();
}

}  // namespace pollbus::election_board
