#include <fmt/format.h>

#include "election_board/page_frame.h"
#include "election_board/pages.h"
#include "web/pages.h"

namespace pollbus::election_board {
namespace {

std::string times(const ElectionView& view, const Format& format) {
  const std::string& zone = view.state.definition.time_zone;
  std::string text;
  if (view.phase == Phase::kDefined && view.state.opens_ms)
    text = format.text("list.opens", {{"time", format.time(*view.state.opens_ms, zone)}});
  if ((view.phase == Phase::kOpen || view.phase == Phase::kPaused) && view.state.closes_ms)
    text = format.text("list.closes", {{"time", format.time(*view.state.closes_ms, zone)}});
  return text;
}

// Says that an election is a rehearsal, if it is.
std::string test_mark(const ElectionView& view, const char* attributes, const Format& format) {
  if (!view.state.definition.is_test) return "";
  return fmt::format("<p{}><strong>{}</strong> {}</p>\n", attributes, format.text("test.mark"),
                     format.text("test"));
}

std::string item(const ElectionView& view, const PageOptions& options, const Format& format) {
  const std::string voted = format.count(view.results.turnout.voted);
  return fmt::format(
      "<li class=\"card election\">\n<h3><a href=\"{}{}\">{}</a></h3>\n{}\n"
      "{}<p>{}</p>\n{}</li>\n",
      election_path(view.state.definition.election), options.query(),
      format.name(view.state.definition.title), status_badge(view.phase, format),
      test_mark(view, "", format),
      format.text("list.voted", {{"count", fmt::format("<strong>{}</strong>", voted)}}), [&] {
        const std::string text = times(view, format);
        return text.empty() ? text : fmt::format("<p class=\"quiet\">{}</p>\n", text);
      }());
}

std::string problem_notice(const std::string& reason, const Format& format) {
  return fmt::format("<p class=\"notice\" role=\"alert\">{}</p>\n",
                     format.text("problem", {{"reason", fmt::format("<bdi lang=\"en\">{}</bdi>",
                                                                    web::escape_html(reason))}}));
}

std::string number_text(std::int64_t election, const Format& format) {
  return format.text("election", {{"number", std::to_string(election)}});
}

std::string unverified_item(std::int64_t election, const std::string& reason,
                            const PageOptions& options, const Format& format) {
  return fmt::format("<li class=\"card election\">\n<h2><a href=\"{}{}\">{}</a></h2>\n{}</li>\n",
                     election_path(election), options.query(), number_text(election, format),
                     problem_notice(reason, format));
}

}  // namespace

std::string status_badge(Phase phase, const Format& format) {
  const Phase shown = phase == Phase::kSealed ? Phase::kClosed : phase;
  return fmt::format("<p class=\"badge {0}\">{1}</p>", to_text(shown),
                     format.text(fmt::format("status.{}", to_text(shown))));
}

std::string notices(const ElectionView& view, const Format& format) {
  std::string html = test_mark(view, " class=\"notice\"", format);
  if (!view.problem.empty()) html += problem_notice(view.problem, format);
  return html;
}

std::string fingerprint_note(const ElectionView& view, const Format& format) {
  return fmt::format("<p>{} <span class=\"code\">{}</span></p>\n", format.text("fingerprint"),
                     view.results.short_fingerprint);
}

std::string list_page(const Snapshot& snapshot, const PageOptions& options,
                      const web::Languages& languages) {
  const Format format(languages, options.language);
  std::map<std::string, std::string> by_event;
  for (const auto& [id, view] : snapshot.elections)
    by_event[view.state.definition.event] += item(view, options, format);
  std::string main = fmt::format("<h1>{}</h1>\n", format.text("elections"));
  if (by_event.empty() && snapshot.unverified.empty())
    main += fmt::format("<p>{}</p>\n", format.text("list.none"));
  for (const auto& [event, items] : by_event)
    main += fmt::format(
        "<section>\n<h2><bdi>{}</bdi></h2>\n<ul class=\"elections\">\n{}</ul>\n"
        "</section>\n",
        web::escape_html(event), items);
  std::string unverified;
  for (const auto& [id, reason] : snapshot.unverified)
    unverified += unverified_item(id, reason, options, format);
  if (!unverified.empty()) main += fmt::format("<ul class=\"elections\">\n{}</ul>\n", unverified);
  return render({.title = format.text("title"), .path = "/", .main = main}, options, languages);
}

std::string unverified_page(std::int64_t election, const std::string& reason,
                            const PageOptions& options, const web::Languages& languages) {
  const Format format(languages, options.language);
  const std::string title = number_text(election, format);
  return render({.title = title,
                 .path = election_path(election),
                 .main = fmt::format("<h1>{}</h1>\n{}", title, problem_notice(reason, format))},
                options, languages);
}

std::string message_page(const char* title_key, const char* text_key, const PageOptions& options,
                         const web::Languages& languages) {
  const Format format(languages, options.language);
  return render({.title = format.text(title_key),
                 .path = "/",
                 .main = fmt::format("<h1>{}</h1>\n<p>{}</p>\n", format.text(title_key),
                                     format.text(text_key))},
                options, languages);
}

}  // namespace pollbus::election_board
