#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/http_request.h"
#include "base/http_response.h"
#include "election_board/page_options.h"
#include "election_board/snapshot.h"
#include "web/pages.h"

namespace pollbus::election_board {

// Answers the requests of viewers from the last snapshot. Each page is made once for each snapshot
// and served with an ETag, so that a thousand viewers cost little more than one. respond() must be
// called on one thread; show() and show_trouble() on one thread, which may be another.
class Site {
 public:
  // Finds the elections that have a receipt with these first bytes. Called by respond().
  using LookUp = std::function<absl::StatusOr<std::vector<std::int64_t>>(std::string_view prefix)>;

  // Server-sent events for the channels of responses that respond() has left open.
  struct News {
    std::string channel;
    std::string bytes;
  };

  explicit Site(LookUp look_up);

  // Both return what is new on the open channels.
  std::vector<News> show(std::shared_ptr<const Snapshot> snapshot);
  // The figures cannot be read at the moment: the last ones stay, and the pages say so.
  std::vector<News> show_trouble();

  HttpResponse respond(const HttpRequest& request);

 private:
  struct Shown {
    std::shared_ptr<const Snapshot> snapshot;
    bool is_stale = true;
  };
  struct Page {
    std::string content_type;
    std::string body;
    std::string etag;
    std::string file_name;  // for a download
  };

  // What a channel shows. There are at most as many as elections and languages together.
  struct Channel {
    std::int64_t election = 0;
    std::string language;
    std::string last;  // the event that was sent last
  };

  Shown shown() const;
  std::string event_of(const Shown& now, const Channel& channel) const;
  std::vector<News> news();
  std::optional<HttpResponse> stream(const HttpRequest& request, const PageOptions& options);
  const Page* find(const HttpRequest& request, const Shown& now, const PageOptions& options);
  std::optional<Page> make(std::string_view path, const Snapshot& snapshot,
                           const PageOptions& options) const;
  std::optional<Page> make_of_election(std::string_view rest, const Snapshot& snapshot,
                                       const ElectionView& view, const PageOptions& options) const;
  HttpResponse tracking(const HttpRequest& request, const Shown& now, const PageOptions& options);
  HttpResponse message(int status, const char* key, const PageOptions& options) const;

  const LookUp look_up_;
  const web::Languages languages_;
  const web::Pages files_;
  mutable std::mutex mutex_;
  Shown shown_;
  std::map<std::string, Channel> channels_;
  // Used by respond() only.
  std::shared_ptr<const Snapshot> cached_of_;
  std::map<std::string, Page> cache_;
  std::size_t cached_bytes_ = 0;
};

}  // namespace pollbus::election_board
