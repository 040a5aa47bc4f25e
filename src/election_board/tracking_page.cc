#include <fmt/format.h>

#include "election_board/page_frame.h"
#include "election_board/pages.h"
#include "web/pages.h"

namespace pollbus::election_board {
namespace {

std::string found_in(const Snapshot& snapshot, const TrackingAnswer& answer,
                     const PageOptions& options, const Format& format) {
  std::string items;
  for (const std::int64_t election : answer.elections) {
    const auto view = snapshot.elections.find(election);
    items += view == snapshot.elections.end()
                 ? fmt::format("<li>{}</li>\n",
                               format.text("election", {{"number", std::to_string(election)}}))
                 : fmt::format("<li><a href=\"{}{}\">{}</a></li>\n", election_path(election),
                               options.query(), format.name(view->second.state.definition.title));
  }
  return fmt::format("<p><strong>{}</strong></p>\n<ul>\n{}</ul>\n<p>{}</p>\n",
                     format.text("tracking.found"), items, format.text("tracking.secret"));
}

std::string answer_html(const Snapshot& snapshot, const TrackingAnswer& answer,
                        const PageOptions& options, const Format& format) {
  const auto paragraph = [&](const char* key) {
    return fmt::format("<p>{}</p>\n", format.text(key));
  };
  switch (answer.kind) {
    case TrackingAnswer::Kind::kNothingAsked:
      return "";
    case TrackingAnswer::Kind::kNotACode:
      return paragraph("tracking.invalid");
    case TrackingAnswer::Kind::kNotFound:
      return paragraph("tracking.not-found");
    case TrackingAnswer::Kind::kUnavailable:
      return paragraph("tracking.unavailable");
    case TrackingAnswer::Kind::kFound:
      return found_in(snapshot, answer, options, format);
  }
  return "";
}

}  // namespace

std::string tracking_page(const Snapshot& snapshot, const TrackingAnswer& answer,
                          const PageOptions& options, const web::Languages& languages) {
  const Format format(languages, options.language);
  const std::string shown = answer_html(snapshot, answer, options, format);
  const auto hidden = [](const char* name, std::string_view value) {
    return fmt::format("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", name, value);
  };
  const std::string main = fmt::format(
      "<h1>{}</h1>\n<p>{}</p>\n"
      "<form action=\"/tracking\" method=\"get\" class=\"stack lookup\">\n{}{}{}"
      "<p><label for=\"code\">{}</label>\n<input class=\"field code\" id=\"code\" name=\"code\" "
      "type=\"text\" value=\"{}\" autocomplete=\"off\" autocapitalize=\"characters\" "
      "spellcheck=\"false\" maxlength=\"60\" aria-describedby=\"code-form\"></p>\n"
      "<p class=\"quiet\" id=\"code-form\">{}</p>\n"
      "<p><button type=\"submit\" class=\"button primary\">{}</button></p>\n</form>\n{}",
      format.text("tracking"), format.text("tracking.intro"), hidden("lang", options.language),
      hidden("size", options.size), hidden("theme", options.theme), format.text("tracking.label"),
      web::escape_html(answer.code), format.text("tracking.form"), format.text("tracking.submit"),
      shown.empty() ? ""
                    : fmt::format("<section class=\"card stack\" aria-live=\"polite\">\n"
                                  "<h2>{}</h2>\n{}</section>\n",
                                  format.text("tracking.answer"), shown));
  return render({.title = format.text("tracking"), .path = "/tracking", .main = main}, options,
                languages);
}

}  // namespace pollbus::election_board
