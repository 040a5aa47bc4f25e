#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace pollbus::broker {

constexpr int kMaxPageSize = 1'000;

// Walks a sorted container of names from behind `page_token` (the last name of the page before;
// empty: the start) and gives each that starts with `prefix` to `visit`, up to a page of them.
// `name_of` names an element. Sets `next_page_token` when there are more.
template <typename Sorted, typename NameOf, typename Visit>
absl::Status visit_page(const Sorted& sorted, const std::string& prefix, int page_size,
                        const std::string& page_token, NameOf name_of, Visit visit,
                        std::string* next_page_token) {
  if (page_size < 0) return absl::InvalidArgumentError("The page_size must not be negative.");
  if (!page_token.empty() && !page_token.starts_with(prefix)) {
    return absl::InvalidArgumentError("Invalid page_token.");
  }
  const int most = page_size == 0 || page_size > kMaxPageSize ? kMaxPageSize : page_size;
  std::string last;
  int visited = 0;
  for (auto at = page_token.empty() ? sorted.lower_bound(prefix) : sorted.upper_bound(page_token);
       at != sorted.end() && name_of(*at).starts_with(prefix); ++at) {
    if (visited == most) {
      *next_page_token = last;
      break;
    }
    last = name_of(*at);
    visit(*at);
    ++visited;
  }
  return absl::OkStatus();
}

}  // namespace pollbus::broker
