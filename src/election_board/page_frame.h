#pragma once

#include <string>

#include "election_board/format.h"
#include "election_board/page_options.h"

namespace pollbus::election_board {

// What is the same on every page.
struct PageFrame {
  std::string title;      // HTML text for the title of the window
  std::string path;       // of this page, for the forms that change its display
  std::string main;       // HTML
  std::string live_path;  // of the election whose figures it keeps up to date; may be empty
  std::string footnote;   // HTML, such as the fingerprint; may be empty
};

// The whole document. Pure function.
std::string render(const PageFrame& frame, const PageOptions& options,
                   const web::Languages& languages);

// The path of a page of one election.
std::string election_path(std::int64_t election);

}  // namespace pollbus::election_board
