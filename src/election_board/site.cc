#include "election_board/site.h"

#include <fmt/format.h>

#include "base/text.h"
#include "election/results_export.h"
#include "election/sha256.h"
#include "election/tracking_code.h"
#include "election_board/board_pages.h"
#include "election_board/live.h"
#include "election_board/pages.h"
#include "election_board/query.h"

namespace pollbus::election_board {
namespace {

constexpr std::size_t kMaxCachedBytes = std::size_t{64} << 20;
constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr std::string_view kElections = "/elections/";
// Tells a page that the figures may be out of date.
constexpr char kTroubleEvent[] = "event: trouble\ndata: {}\n\n";
// When a page that has lost its stream asks for another.
constexpr char kRetry[] = "retry: 3000\n\n";

std::string etag_of(const std::string& body) {
  constexpr std::size_t kDigits = 16;
  return fmt::format("\"{}\"", to_hex(sha256(body)).substr(0, kDigits));
}

struct Download {
  std::string_view path;
  ResultsFormat format;
  const char* content_type;
};
constexpr Download kDownloads[] = {
    {"/results.csv", ResultsFormat::kCsv, "text/csv; charset=utf-8"},
    {"/results.json", ResultsFormat::kJson, "application/json"},
    {"/results.cdf.json", ResultsFormat::kCdf, "application/json"},
    {"/results.txt", ResultsFormat::kTable, "text/plain; charset=utf-8"},
};

}  // namespace

Site::Site(LookUp look_up)
    : look_up_(std::move(look_up)),
      languages_({web::shared_languages(), web::board_languages()}),
      files_({web::shared_pages(), web::board_pages()}, web::Caching::kRevalidate) {}

std::vector<Site::News> Site::show(std::shared_ptr<const Snapshot> snapshot) {
  const std::lock_guard lock(mutex_);
  shown_ = {.snapshot = std::move(snapshot), .is_stale = false};
  return news();
}

std::vector<Site::News> Site::show_trouble() {
  const std::lock_guard lock(mutex_);
  shown_.is_stale = true;
  return news();
}

// Called with the lock.
std::vector<Site::News> Site::news() {
  std::vector<News> news;
  for (auto& [name, channel] : channels_) {
    std::string event = event_of(shown_, channel);
    if (event == channel.last) continue;
    channel.last = event;
    news.push_back({.channel = name, .bytes = std::move(event)});
  }
  return news;
}

std::string Site::event_of(const Shown& now, const Channel& channel) const {
  if (now.is_stale) return kTroubleEvent;
  const ElectionView& view = now.snapshot->elections.at(channel.election);
  return fmt::format("data: {}\n\n",
                     live_json(*now.snapshot, view, Format(languages_, channel.language)));
}

// The channel is known before its first event is made, so that no later event can be missed.
std::optional<HttpResponse> Site::stream(const HttpRequest& request, const PageOptions& options) {
  constexpr std::string_view kEnd = "/events";
  std::string_view number = request.path;
  if (!number.starts_with(kElections) || !number.ends_with(kEnd)) return std::nullopt;
  number.remove_prefix(kElections.size());
  number.remove_suffix(std::min(number.size(), kEnd.size()));
  const auto election = parse_integer(number);
  const std::lock_guard lock(mutex_);
  if (!election || !shown_.snapshot->elections.contains(*election) ||
      std::to_string(*election) != number)
    return std::nullopt;
  const std::string name = fmt::format("{} {}", *election, options.language);
  Channel& channel = channels_[name];
  channel.election = *election;
  channel.language = options.language;
  channel.last = event_of(shown_, channel);
  HttpResponse response{.content_type = "text/event-stream",
                        .body = kRetry + channel.last,
                        .headers = {{"X-Accel-Buffering", "no"}},
                        .channel = name};
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

Site::Shown Site::shown() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

HttpResponse Site::respond(const HttpRequest& request) {
  if (request.path != "/")
    if (auto file = files_.find(request)) return *std::move(file);
  const Shown now = shown();
  const PageOptions options = parse_options(request, languages_);
  if (!now.snapshot) return message(503, "starting", options);
  if (request.path == "/tracking") return tracking(request, now, options);
  // The page keeps its figures and says that they may be out of date.
  if (now.is_stale && request.path.ends_with("/live.json")) return http_error(503);
  if (auto events = stream(request, options)) return *std::move(events);
  const Page* const page = find(request, now, options);
  if (page == nullptr) return message(404, "not-found", options);
  HttpResponse response{.content_type = page->content_type, .body = page->body};
  web::add_page_headers(response, web::Caching::kRevalidate);
  response.headers.emplace_back("Vary", "Accept-Language");
  if (!page->file_name.empty())
    response.headers.emplace_back("Content-Disposition",
                                  fmt::format("attachment; filename=\"{}\"", page->file_name));
  web::add_etag(request, response, page->etag);
  return response;
}

const Site::Page* Site::find(const HttpRequest& request, const Shown& now,
                             const PageOptions& options) {
  if (cached_of_ != now.snapshot || cached_bytes_ > kMaxCachedBytes) {
    cache_.clear();
    cached_bytes_ = 0;
    cached_of_ = now.snapshot;
  }
  const std::string key = std::string(request.path) + options.query();
  const auto found = cache_.find(key);
  if (found != cache_.end()) return &found->second;
  std::optional<Page> page = make(request.path, *now.snapshot, options);
  if (!page) return nullptr;
  page->etag = etag_of(page->body);
  cached_bytes_ += key.size() + page->body.size();
  return &cache_.emplace(key, *std::move(page)).first->second;
}

std::optional<Site::Page> Site::make(std::string_view path, const Snapshot& snapshot,
                                     const PageOptions& options) const {
  if (path == "/") return Page{kHtml, list_page(snapshot, options, languages_)};
  if (!path.starts_with(kElections)) return std::nullopt;
  path.remove_prefix(kElections.size());
  const std::string_view number = path.substr(0, path.find('/'));
  const auto id = parse_integer(number);
  const auto view = id ? snapshot.elections.find(*id) : snapshot.elections.end();
  const std::string_view rest = path.substr(number.size());
  // An election has one address.
  if (!id || std::to_string(*id) != number) return std::nullopt;
  if (const auto unverified = snapshot.unverified.find(*id);
      unverified != snapshot.unverified.end() && (rest.empty() || rest == "/history"))
    return Page{kHtml, unverified_page(*id, unverified->second, options, languages_)};
  if (view == snapshot.elections.end()) return std::nullopt;
  return make_of_election(rest, snapshot, view->second, options);
}

std::optional<Site::Page> Site::make_of_election(std::string_view rest, const Snapshot& snapshot,
                                                 const ElectionView& view,
                                                 const PageOptions& options) const {
  if (rest.empty()) return Page{kHtml, election_page(snapshot, view, options, languages_)};
  if (rest == "/history") return Page{kHtml, history_page(snapshot, view, options, languages_)};
  if (rest == "/live.json")
    return Page{"application/json",
                live_json(snapshot, view, Format(languages_, options.language))};
  for (const Download& download : kDownloads)
    if (rest == download.path)
      return Page{.content_type = download.content_type,
                  .body = export_results(view.results, download.format, options.language),
                  .file_name = results_file_name(view.results, download.format)};
  return std::nullopt;
}

HttpResponse Site::tracking(const HttpRequest& request, const Shown& now,
                            const PageOptions& options) {
  TrackingAnswer answer{.code = query_value(request.query, "code")};
  if (!answer.code.empty()) {
    using Kind = TrackingAnswer::Kind;
    const auto prefix = parse_tracking_code(answer.code);
    if (!prefix) {
      answer.kind = Kind::kNotACode;
    } else {
      answer.code = format_tracking_code(*prefix);
      const auto elections =
          look_up_({reinterpret_cast<const char*>(prefix->data()), prefix->size()});
      answer.kind = !elections.ok()      ? Kind::kUnavailable
                    : elections->empty() ? Kind::kNotFound
                                         : Kind::kFound;
      if (elections.ok()) answer.elections = *elections;
    }
  }
  HttpResponse response{.content_type = kHtml,
                        .body = tracking_page(*now.snapshot, answer, options, languages_)};
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

HttpResponse Site::message(int status, const char* key, const PageOptions& options) const {
  HttpResponse response{
      .status = status,
      .content_type = kHtml,
      .body = message_page(fmt::format("{}.title", key).c_str(),
                           fmt::format("{}.text", key).c_str(), options, languages_)};
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

}  // namespace pollbus::election_board
