#include "election_board/page_frame.h"

#include <fmt/format.h>

namespace pollbus::election_board {
namespace {

std::string option(std::string_view value, const std::string& text, bool is_selected) {
  return fmt::format("<option value=\"{}\"{}>{}</option>", value, is_selected ? " selected" : "",
                     text);
}

std::string select(const Format& format, const char* name, const char* label,
                   const std::string& items) {
  return fmt::format(
      "<p><label for=\"display-{0}\">{1}</label>\n<select id=\"display-{0}\" name=\"{0}\" "
      "class=\"field\">{2}</select></p>\n",
      name, format.shared(label), items);
}

// Choosing language, text size and colours. The form goes to this page, without scripts.
std::string display_form(const Format& format, const PageFrame& frame, const PageOptions& options,
                         const web::Languages& languages) {
  std::string tags, sizes, themes;
  for (const std::string& tag : languages.tags())
    tags += fmt::format("<option value=\"{0}\" lang=\"{0}\"{1}>{2}</option>", tag,
                        tag == options.language ? " selected" : "", languages.name(tag));
  for (const std::string_view size : kSizes)
    sizes += option(size, format.shared(fmt::format("size.{}", size)), size == options.size);
  for (const std::string_view theme : kThemes)
    themes += option(theme, format.shared(fmt::format("theme.{}", theme)), theme == options.theme);
  return fmt::format(
      "<details class=\"display\"><summary>{}</summary>\n"
      "<form action=\"{}\" method=\"get\" class=\"stack\">\n{}{}{}{}{}"
      "<p><button type=\"submit\" class=\"button\">{}</button></p>\n</form></details>\n",
      format.shared("display"), frame.path, select(format, "lang", "display.language", tags),
      select(format, "size", "display.size", sizes),
      select(format, "theme", "display.theme", themes),
      options.by_votes ? "<input type=\"hidden\" name=\"sort\" value=\"votes\">\n" : "",
      options.is_hall ? "<input type=\"hidden\" name=\"view\" value=\"hall\">\n" : "",
      format.text("display.apply"));
}

std::string header(const Format& format, const PageFrame& frame, const PageOptions& options,
                   const web::Languages& languages) {
  return fmt::format(
      "<header class=\"no-print\"><div class=\"wide bar-of-links\">\n"
      "<nav aria-label=\"{}\"><a href=\"/{}\">{}</a> <a href=\"/tracking{}\">{}</a></nav>\n"
      "{}</div></header>\n",
      format.text("title"), options.query(), format.text("elections"), options.query(),
      format.text("tracking"), display_form(format, frame, options, languages));
}

}  // namespace

std::string election_path(std::int64_t election) { return fmt::format("/elections/{}", election); }

std::string render(const PageFrame& frame, const PageOptions& options,
                   const web::Languages& languages) {
  const Format format(languages, options.language);
  return fmt::format(
      "<!DOCTYPE html>\n"
      "<html lang=\"{0}\" dir=\"{1}\" data-size=\"{2}\" data-theme=\"{3}\"{4}>\n"
      "<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{5}</title>\n"
      "<link rel=\"icon\" href=\"/board.svg\" type=\"image/svg+xml\">\n"
      "<link rel=\"stylesheet\" href=\"/style.css\">\n"
      "<link rel=\"stylesheet\" href=\"/board.css\">\n{6}"
      "</head>\n<body>\n"
      "<a class=\"skip-link\" href=\"#main\">{7}</a>\n{8}"
      "<main id=\"main\" class=\"wide\" tabindex=\"-1\"{9}>\n{10}</main>\n"
      "<footer class=\"wide quiet\">{11}</footer>\n"
      "</body>\n</html>\n",
      options.language, format.direction(), options.size, options.theme,
      options.is_hall ? " data-view=\"hall\"" : "", frame.title,
      frame.live_path.empty() ? "" : "<script type=\"module\" src=\"/board.mjs\"></script>\n",
      format.shared("skip"), header(format, frame, options, languages),
      frame.live_path.empty()
          ? ""
          : fmt::format(" data-live=\"{0}/live.json{1}\"{2}", frame.live_path, options.query(),
                        options.is_hall ? fmt::format(" data-events=\"{}/events{}\"",
                                                      frame.live_path, options.query())
                                        : ""),
      frame.main, frame.footnote);
}

}  // namespace pollbus::election_board
