#pragma once

#include <string>
#include <string_view>

#include "base/http_request.h"
#include "web/languages.h"

namespace pollbus::election_board {

// How a viewer wants the pages. Everything is in the query of the address, so that the board keeps
// nothing about its viewers, and pages work without scripts. Values that do not exist are ignored.
struct PageOptions {
  std::string language;
  std::string size = "m";       // "s", "m", "l", "xl"
  std::string theme = "light";  // "light", "dark", "high-light", "high-dark"
  bool by_votes = false;        // choices with the most votes first
  bool is_hall = false;         // large type for a projector

  // The query of a link to another page: "?lang=fr&size=l", or nothing for the defaults.
  std::string query() const;
};

PageOptions parse_options(const HttpRequest& request, const web::Languages& languages);

inline constexpr std::string_view kSizes[] = {"s", "m", "l", "xl"};
inline constexpr std::string_view kThemes[] = {"light", "dark", "high-light", "high-dark"};

}  // namespace pollbus::election_board
