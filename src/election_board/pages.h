#pragma once

#include <optional>
#include <string>
#include <vector>

#include "election_board/format.h"
#include "election_board/page_options.h"
#include "election_board/snapshot.h"

namespace pollbus::election_board {

// The pages of the board as HTML documents. Pure functions; thread-safe.

// All elections, by event.
std::string list_page(const Snapshot& snapshot, const PageOptions& options,
                      const web::Languages& languages);

// Status, result, turnout and downloads of one election.
std::string election_page(const Snapshot& snapshot, const ElectionView& view,
                          const PageOptions& options, const web::Languages& languages);

// What the office did to the election.
std::string history_page(const Snapshot& snapshot, const ElectionView& view,
                         const PageOptions& options, const web::Languages& languages);

// Looking up a tracking code.
struct TrackingAnswer {
  enum class Kind { kNothingAsked, kNotACode, kNotFound, kFound, kUnavailable };
  Kind kind = Kind::kNothingAsked;
  std::string code;                     // as it was typed, or in its proper form
  std::vector<std::int64_t> elections;  // that have recorded it
};
std::string tracking_page(const Snapshot& snapshot, const TrackingAnswer& answer,
                          const PageOptions& options, const web::Languages& languages);

// Says that not even the definition of an election can be trusted, and why.
std::string unverified_page(std::int64_t election, const std::string& reason,
                            const PageOptions& options, const web::Languages& languages);

// A page that says why there is nothing else: the key of a title and of a text.
std::string message_page(const char* title_key, const char* text_key, const PageOptions& options,
                         const web::Languages& languages);

// The badge with the status of an election, as HTML.
std::string status_badge(Phase phase, const Format& format);
// The notices that an election is a test, or that its history cannot be trusted; may be empty.
std::string notices(const ElectionView& view, const Format& format);
// "Fingerprint of the definition: 3f9a 02c1", for the end of a page.
std::string fingerprint_note(const ElectionView& view, const Format& format);

}  // namespace pollbus::election_board
