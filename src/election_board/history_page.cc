#include <fmt/format.h>

#include "election_board/page_frame.h"
#include "election_board/pages.h"
#include "web/pages.h"

namespace pollbus::election_board {
namespace {

// Consecutive events "add voter" are one line: a town may add thousands.
struct Line {
  const HistoryEntry* first = nullptr;
  const HistoryEntry* last = nullptr;
  std::int64_t count = 0;
};

std::vector<Line> lines_of(const std::vector<HistoryEntry>& history) {
  std::vector<Line> lines;
  for (const HistoryEntry& entry : history) {
    const bool continues = !lines.empty() && entry.event.kind == EventKind::kAddVoter &&
                           lines.back().last->event.kind == EventKind::kAddVoter;
    if (!continues) lines.push_back({.first = &entry});
    lines.back().last = &entry;
    ++lines.back().count;
  }
  return lines;
}

std::string detail(const Line& line, const std::string& zone, const Format& format) {
  const Event& event = line.last->event;
  const auto voters = [&](std::int64_t count) {
    return format.text("history.voters", {{"count", format.count(count)}});
  };
  switch (event.kind) {
    case EventKind::kRoll:
      return voters(event.roll ? event.roll->count : 0);
    case EventKind::kAddVoter:
      return voters(line.count);
    case EventKind::kExtend:
      return event.closes
                 ? format.text("history.until", {{"time", format.time(event.closes->utc_ms, zone)}})
                 : "";
    case EventKind::kSeal:
    case EventKind::kCertify:
      return event.marks ? format.text("list.voted", {{"count", format.count(*event.marks)}}) : "";
    default:
      return "";
  }
}

std::string row(const Line& line, const std::string& zone, const Format& format) {
  const Event& event = line.last->event;
  const std::string sequence =
      line.count == 1 ? std::to_string(event.sequence)
                      : fmt::format("{}–{}", line.first->event.sequence, event.sequence);
  std::string kind(to_text(event.kind));
  std::ranges::replace(kind, ' ', '-');
  const std::string about = detail(line, zone, format);
  return fmt::format(
      "<tr><td class=\"amount\">{}</td><td>{}</td><td>{}</td><td>{}"
      "<p class=\"quiet\">{} <span class=\"code hash\">{}</span></p></td></tr>\n",
      sequence, format.time(event.time_ms, zone), format.text("event." + kind),
      about.empty() ? "" : fmt::format("<p>{}</p>", about), format.text("history.hash"),
      to_hex(line.last->hash));
}

}  // namespace

std::string history_page(const Snapshot& snapshot, const ElectionView& view,
                         const PageOptions& options, const web::Languages& languages) {
  const Format format(languages, options.language);
  const Definition& definition = view.state.definition;
  std::string rows;
  for (const Line& line : lines_of(view.history)) rows += row(line, definition.time_zone, format);
  const char* check = snapshot.are_signatures_checked ? "history.checked" : "history.unchecked";
  const std::string path = election_path(definition.election);
  const auto column = [&](const char* key, const char* attributes = "") {
    return fmt::format("<th scope=\"col\"{}>{}</th>", attributes, format.text(key));
  };
  const std::string main = fmt::format(
      "<p><a href=\"{}{}\">{}</a></p>\n<h1>{}</h1>\n{}"
      "<table class=\"history\">\n<caption class=\"visually-hidden\">{}</caption>\n"
      "<thead><tr>{}{}{}{}</tr></thead>\n<tbody>\n{}</tbody></table>\n"
      "<p class=\"quiet\">{}</p>\n",
      path, options.query(), format.name(definition.title), format.text("history"),
      notices(view, format), format.text("history"),
      column("history.sequence", " class=\"amount\""), column("history.time"),
      column("history.event"), column("history.detail"), rows, format.text(check));
  return render({.title = fmt::format("{} – {}", format.text("history"),
                                      web::escape_html(format.plain_name(definition.title))),
                 .path = path + "/history",
                 .main = main,
                 .footnote = fingerprint_note(view, format)},
                options, languages);
}

}  // namespace pollbus::election_board
