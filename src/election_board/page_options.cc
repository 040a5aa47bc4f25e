#include "election_board/page_options.h"

#include <algorithm>

#include "election_board/query.h"

namespace pollbus::election_board {
namespace {

template <typename Values>
void set_if_known(const Values& values, const std::string& wanted, std::string& option) {
  if (std::ranges::find(values, wanted) != std::end(values)) option = wanted;
}

void append(std::string& query, std::string_view name, std::string_view value) {
  query += query.empty() ? '?' : '&';
  query += name;
  query += '=';
  query += value;
}

}  // namespace

std::string PageOptions::query() const {
  std::string query;
  append(query, "lang", language);
  if (size != "m") append(query, "size", size);
  if (theme != "light") append(query, "theme", theme);
  if (by_votes) append(query, "sort", "votes");
  if (is_hall) append(query, "view", "hall");
  return query;
}

PageOptions parse_options(const HttpRequest& request, const web::Languages& languages) {
  PageOptions options{.language = languages.choose(query_value(request.query, "lang"),
                                                   request.header("accept-language"))};
  set_if_known(kSizes, query_value(request.query, "size"), options.size);
  set_if_known(kThemes, query_value(request.query, "theme"), options.theme);
  options.by_votes = query_value(request.query, "sort") == "votes";
  options.is_hall = query_value(request.query, "view") == "hall";
  return options;
}

}  // namespace pollbus::election_board
