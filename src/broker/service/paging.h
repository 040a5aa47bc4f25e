#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace pollbus::broker {

constexpr int kMaxPageSize = 1'000;

// Calls `visit` for one page of the elements of a sorted container whose names start with `prefix`.
// The page begins after `page_token`, which is the last name of the page before, or empty.
// `name_of` returns an element's name. Sets `next_page_token` when there are more elements.
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
