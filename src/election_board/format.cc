#include "election_board/format.h"

#include <fmt/format.h>

#include "election/results.h"
#include "election/zoned_time.h"
#include "web/pages.h"

namespace pollbus::election_board {
namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string_view base_of(std::string_view tag) { return tag.substr(0, tag.find('-')); }

// The tag of the text that text_in() returns.
std::string_view tag_of(const LocalizedText& text, const std::string& shown) {
  for (const auto& [tag, each] : text)
    if (&each == &shown) return tag;
  return "";
}

}  // namespace

std::string Format::text(std::string_view key, web::Languages::Values values) const {
  std::string html = web::escape_html(plain(key));
  for (const auto& [name, value] : values)
    html = replaced(std::move(html), fmt::format("{{{}}}", name), value);
  return html;
}

std::string Format::plain(std::string_view key, web::Languages::Values values) const {
  return languages_.text(language_, fmt::format("board.{}", key), values);
}

std::string Format::shared(std::string_view key) const {
  return web::escape_html(languages_.text(language_, key));
}

std::string Format::count(std::int64_t count) const {
  return replaced(format_count(count), ",", plain("number.group"));
}

std::string Format::percent(int tenths) const {
  const std::string number = fmt::format("{}{}{}", tenths / 10, plain("number.point"), tenths % 10);
  return plain("number.percent", {{"number", number}});
}

std::string Format::name(const LocalizedText& text) const {
  const std::string& shown = text_in(text, language_);
  const std::string_view tag = tag_of(text, shown);
  if (base_of(tag) == base_of(language_))
    return fmt::format("<bdi>{}</bdi>", web::escape_html(shown));
  return fmt::format("<bdi lang=\"{}\">{}</bdi>", web::escape_html(tag), web::escape_html(shown));
}

std::string Format::plain_name(const LocalizedText& text) const {
  constexpr std::string_view kIsolate = "\u2068";
  constexpr std::string_view kEnd = "\u2069";
  return fmt::format("{}{}{}", kIsolate, text_in(text, language_), kEnd);
}

std::string Format::time(std::int64_t utc_ms, const std::string& zone) const {
  return fmt::format("<time datetime=\"{}\" dir=\"ltr\">{}</time>", utc_text(utc_ms),
                     web::escape_html(local_text(utc_ms, zone)));
}

}  // namespace pollbus::election_board
