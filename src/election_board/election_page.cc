#include <fmt/format.h>

#include "election_board/live.h"
#include "election_board/page_frame.h"
#include "election_board/pages.h"
#include "web/pages.h"

namespace pollbus::election_board {
namespace {

// Writes the parts of one election's page.
class ElectionPage {
 public:
  ElectionPage(const Snapshot& snapshot, const ElectionView& view, const PageOptions& options,
               const web::Languages& languages)
      : snapshot_(snapshot),
        view_(view),
        options_(options),
        format_(languages, options.language),
        series_(make_time_series(view.minutes)),
        figures_(figures_of(view, series_, format_)) {}

  std::string main() const {
    return heading() + notices(view_, format_) + facts() + result() + turnout() + downloads() +
           fmt::format(
               "<p class=\"notice no-print\" id=\"stale\" hidden>{}</p>\n"
               "<p id=\"announcement\" class=\"visually-hidden\" role=\"status\"></p>\n",
               format_.text("stale"));
  }

  std::string title() const {
    return fmt::format("{} – {}", web::escape_html(format_.plain_name(definition().title)),
                       format_.text("title"));
  }

 private:
  const Definition& definition() const { return view_.state.definition; }
  std::string zone() const { return definition().time_zone; }
  std::string path() const { return election_path(definition().election); }

  // A figure that changes while the page is open.
  std::string live(const std::string& key, const char* element = "span",
                   const char* attributes = "") const {
    return fmt::format("<{0} data-key=\"{1}\"{2}>{3}</{0}>", element, key, attributes,
                       web::escape_html(figures_.text(key)));
  }

  std::string bar(const std::string& key) const {
    return fmt::format(
        "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
        "aria-hidden=\"true\"><rect class=\"track\" width=\"100\" height=\"10\"/>"
        "<rect class=\"fill\" data-key=\"{0}\" width=\"{1}\" height=\"10\"/></svg>",
        key, figures_.shape(key));
  }

  std::string heading() const {
    return fmt::format(
        "<div class=\"heading\" data-number=\"{}\" data-structure=\"{}\" data-voted=\"{}\">\n"
        "<p class=\"quiet\"><bdi>{}</bdi></p>\n<h1>{}</h1>\n{}\n</div>\n",
        snapshot_.number, structure_of(view_), view_.results.turnout.voted,
        web::escape_html(definition().event), format_.name(definition().title),
        status_badge(view_.phase, format_));
  }

  std::string fact(const char* key, const std::string& value) const {
    return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", format_.text(key), value);
  }

  std::string facts() const {
    std::string list;
    if (view_.state.opens_ms) list += fact("opens", format_.time(*view_.state.opens_ms, zone()));
    if (view_.state.closes_ms) list += fact("closes", format_.time(*view_.state.closes_ms, zone()));
    list += fact("number", fmt::format("<span class=\"code\">{}</span>", definition().election));
    list += fact("fingerprint",
                 fmt::format("<span class=\"code\">{}</span>", view_.results.short_fingerprint));
    list += fact("changed", live("changed", "span", " dir=\"ltr\""));
    return fmt::format("<dl class=\"facts\">\n{}</dl>\n", list);
  }

  std::string choice_row(const ChoiceResult& choice) const {
    const auto key = [&](const char* what) { return choice_key(choice.voting, what); };
    return fmt::format("<tr><th scope=\"row\">{}{}</th>{}{}{}</tr>\n", format_.name(choice.name),
                       bar(key("bar")), live(key("votes"), "td", " class=\"amount\""),
                       live(key("share"), "td", " class=\"amount\""),
                       live(key("place"), "td", " class=\"amount\""));
  }

  std::string sort_link() const {
    PageOptions other = options_;
    other.by_votes = !options_.by_votes;
    return fmt::format("<p class=\"no-print\"><a href=\"{}{}\">{}</a></p>\n", path(), other.query(),
                       format_.text(options_.by_votes ? "sort.ballot" : "sort.votes"));
  }

  std::string result_table(const Tally& tally) const {
    std::string rows;
    std::vector<std::size_t> order = by_votes(tally);
    if (!options_.by_votes) std::ranges::sort(order);
    for (const std::size_t index : order) rows += choice_row(tally.choices[index]);
    const auto count = [&](const char* label, const char* key) {
      return fmt::format("<tr><th scope=\"row\">{}</th>{}<td></td><td></td></tr>\n",
                         format_.text(label), live(key, "td", " class=\"amount\""));
    };
    return fmt::format(
        "<table class=\"results\">\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">{}</th>"
        "<th scope=\"col\" class=\"amount\">{}</th><th scope=\"col\" class=\"amount\">{}</th>"
        "<th scope=\"col\" class=\"amount\">{}</th></tr></thead>\n<tbody>\n{}</tbody>\n"
        "<tfoot>\n{}{}{}</tfoot>\n</table>\n",
        format_.text("result.caption"), format_.text("choice"), format_.text("votes"),
        format_.text("share"), format_.text("place"), rows, count("valid", "valid"),
        count("blank", "blank"), count("rejected", "rejected"));
  }

  std::string result() const {
    if (!view_.results.tally)
      return fmt::format("<section>\n<h2>{}</h2>\n<p>{}</p>\n</section>\n", format_.text("result"),
                         format_.text("result.hidden"));
    const bool is_certified = view_.phase == Phase::kCertified;
    return fmt::format("<section class=\"result\">\n<h2>{}</h2>\n{}\n{}{}</section>\n",
                       format_.text(is_certified ? "result.official" : "result.unofficial"),
                       live("headline", "p", " class=\"headline\""),
                       result_table(*view_.results.tally), sort_link());
  }

  std::string turnout() const {
    const bool has_share = view_.results.turnout.tenths_of_percent.has_value();
    std::string html = fmt::format(
        "<section class=\"turnout\">\n<h2>{}</h2>\n<p class=\"figure\"><strong>{}</strong> "
        "{}</p>\n",
        format_.text("turnout"), live("voted"), format_.text("turnout.voted"));
    html += has_share ? bar("turnout-bar") + fmt::format("\n{}\n", live("turnout", "p"))
                      : fmt::format("<p class=\"quiet\">{}</p>\n", format_.text("turnout.no-roll"));
    return html + over_time() + by_machine() + "</section>\n";
  }

  // The labels are HTML, so that they grow with the text size; the lines are stretched to the
  // width.
  std::string over_time() const {
    if (series_.bins.empty()) return "";
    return fmt::format(
        "<h3>{0}</h3>\n<figure class=\"chart\" dir=\"ltr\">\n<p class=\"top\">{1}</p>\n"
        "<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"{2}\"><path class=\"area\" data-key=\"chart-area\" d=\"{3}\"/>"
        "<path class=\"line\" data-key=\"chart-line\" d=\"{4}\"/></svg>\n"
        "<p class=\"times\">{5}{6}</p>\n</figure>\n{7}",
        format_.text("by-time"), live("chart-top"), format_.text("by-time.label"),
        figures_.shape("chart-area"), figures_.shape("chart-line"), live("chart-start"),
        live("chart-end"), time_table());
  }

  std::string time_table() const {
    std::string rows;
    for (const TimeBin& bin : series_.bins)
      rows += fmt::format(
          "<tr><th scope=\"row\">{}</th><td class=\"amount\">{}</td><td class=\"amount\">{}</td>"
          "</tr>\n",
          format_.time(bin.start_utc_ms, zone()), format_.count(bin.votes),
          format_.count(bin.total));
    return fmt::format(
        "<details>\n<summary>{}</summary>\n<table "
        "class=\"by-time\">\n<caption>{}</caption>\n<thead><tr>"
        "<th scope=\"col\">{}</th><th scope=\"col\" class=\"amount\">{}</th>"
        "<th scope=\"col\" class=\"amount\">{}</th></tr></thead>\n<tbody>\n{}</tbody></table>\n"
        "</details>\n",
        format_.text("by-time.table"), format_.text("by-time.caption"), format_.text("from"),
        format_.text("votes"), format_.text("total"), rows);
  }

  std::string by_machine() const {
    if (figures_.machines.empty()) return "";
    std::string rows;
    for (const auto& [machine, votes] : figures_.machines)
      rows += fmt::format(
          "<tr data-machine=\"{0}\"><th scope=\"row\"><span class=\"code\">{0}</span></th>"
          "<td class=\"amount\">{1}</td></tr>\n",
          machine, votes);
    const std::size_t all = view_.results.turnout.by_machine.size();
    const std::string more =
        all <= kMaxMachines
            ? ""
            : fmt::format(
                  "<p class=\"quiet\">{}</p>\n",
                  format_.text(
                      "by-machine.more",
                      {{"count", format_.count(static_cast<std::int64_t>(all - kMaxMachines))}}));
    return fmt::format(
        "<h3>{0}</h3>\n<table class=\"machines\">\n<caption>{1}</caption>\n<thead><tr>"
        "<th scope=\"col\">{2}</th><th scope=\"col\" class=\"amount\">{3}</th></tr></thead>\n"
        "<tbody id=\"machines\">\n{4}</tbody></table>\n{5}",
        format_.text("by-machine"), format_.text("by-machine.caption"), format_.text("machine"),
        format_.text("votes"), rows, more);
  }

  std::string downloads() const {
    std::string items;
    for (const char* ending : {"csv", "json", "cdf.json", "txt"})
      items += fmt::format("<li><a href=\"{}/results.{}?lang={}\">{}</a></li>\n", path(), ending,
                           options_.language, format_.text(fmt::format("download.{}", ending)));
    PageOptions hall = options_;
    hall.is_hall = !options_.is_hall;
    return fmt::format(
        "<section class=\"no-print more\">\n<h2>{}</h2>\n<ul>\n{}"
        "<li><a href=\"{}/history{}\">{}</a></li>\n<li><a href=\"{}{}\">{}</a></li>\n"
        "</ul>\n</section>\n",
        format_.text("more"), items, path(), options_.query(), format_.text("history"), path(),
        hall.query(), format_.text(options_.is_hall ? "hall.leave" : "hall"));
  }

  const Snapshot& snapshot_;
  const ElectionView& view_;
  const PageOptions& options_;
  const Format format_;
  const TimeSeries series_;
  const Figures figures_;
};

}  // namespace

std::string election_page(const Snapshot& snapshot, const ElectionView& view,
                          const PageOptions& options, const web::Languages& languages) {
  const ElectionPage page(snapshot, view, options, languages);
  const std::string path = election_path(view.state.definition.election);
  return render({.title = page.title(),
                 .path = path,
                 .main = page.main(),
                 .live_path = path,
                 .footnote = fingerprint_note(view, Format(languages, options.language))},
                options, languages);
}

}  // namespace pollbus::election_board
