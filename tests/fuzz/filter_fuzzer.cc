#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/core/filter.h"
#include "broker/core/filter_index.h"
#include "require.h"

namespace pollbus::broker {
namespace {

using testing::require;

constexpr SubscriptionId kSubscription = 7;

// An input consists of pieces separated by NUL: a filter, then alternating attribute keys and
// values.
std::vector<std::string_view> pieces_of(std::string_view input) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = input.find('\0');
    pieces.push_back(input.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    input.remove_prefix(end + 1);
  }
}

std::vector<Attribute> attributes_of(const std::vector<std::string_view>& pieces) {
  std::vector<Attribute> attributes;
  for (std::size_t i = 1; i + 1 < pieces.size(); i += 2) {
    if (find_attribute(attributes, pieces[i]) == nullptr) {
      attributes.push_back({pieces[i], pieces[i + 1]});
    }
  }
  return attributes;
}

// A filter is either refused with a reason, or the index finds the same matches as the filter
// itself.
void check(std::string_view input) {
  const std::vector<std::string_view> pieces = pieces_of(input);
  const absl::StatusOr<Filter> filter = Filter::parse(pieces.front());
  if (!filter.ok()) {
    require(absl::IsInvalidArgument(filter.status()), "a bad filter is an invalid argument");
    require(!filter.status().message().empty(), "a refusal has a reason");
    return;
  }
  const std::vector<Attribute> attributes = attributes_of(pieces);
  const bool matches = filter->matches(attributes);
  FilterIndex index;
  index.add(kSubscription, *filter);
  std::vector<SubscriptionId> matched;
  index.match(attributes, &matched);
  require(matched == (matches ? std::vector{kSubscription} : std::vector<SubscriptionId>()),
          "the index finds the subscription once when its filter matches");
  index.remove(kSubscription, *filter);
  matched.clear();
  index.match(attributes, &matched);
  require(matched.empty() && index.scanned() == 0, "a removed filter leaves nothing behind");
  const absl::StatusOr<Filter> again = Filter::parse(filter->text());
  require(again.ok() && again->matches(attributes) == matches,
          "a stored filter matches the same messages");
}

}  // namespace
}  // namespace pollbus::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollbus::broker::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
