#include "broker/core/filter_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace pollbus::broker {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

Filter filter_of(const std::string& text) {
  auto filter = Filter::parse(text);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status();
  return *std::move(filter);
}

std::vector<SubscriptionId> match(FilterIndex& index, const std::vector<Attribute>& attributes) {
  std::vector<SubscriptionId> matched;
  index.match(attributes, &matched);
  return matched;
}

TEST(FilterIndexTest, FindsTheMachineOfAResultAmongThousands) {
  FilterIndex index;
  for (SubscriptionId id = 0; id < 5'000; ++id) {
    index.add(id, filter_of("attributes.function=\"result\" AND attributes.machineID=\"" +
                            std::to_string(id) + "\""));
  }
  EXPECT_EQ(index.scanned(), 0u);
  EXPECT_THAT(match(index, {{"function", "result"}, {"machineID", "4321"}}),
              UnorderedElementsAre(4321));
  EXPECT_THAT(match(index, {{"function", "submit vote"}, {"machineID", "4321"}}), IsEmpty());
  EXPECT_THAT(match(index, {{"function", "result"}}), IsEmpty());
}

TEST(FilterIndexTest, ASubscriptionWithSeveralMatchingConjunctionsIsFoundOnce) {
  FilterIndex index;
  const Filter filter =
      filter_of("attributes.a=\"1\" OR attributes.b=\"1\" OR attributes:c OR NOT attributes:d");
  index.add(7, filter);
  EXPECT_THAT(match(index, {{"a", "1"}, {"b", "1"}, {"c", ""}}), UnorderedElementsAre(7));
  EXPECT_THAT(match(index, {{"d", ""}}), IsEmpty());
  EXPECT_THAT(match(index, {{"d", ""}, {"b", "1"}}), UnorderedElementsAre(7));
  index.remove(7, filter);
  EXPECT_THAT(match(index, {{"a", "1"}}), IsEmpty());
  EXPECT_EQ(index.scanned(), 0u);
}

TEST(FilterIndexTest, FiltersWithoutAnAnchorAreScanned) {
  FilterIndex index;
  index.add(1, filter_of("attributes.a != \"x\""));
  index.add(2, filter_of("hasPrefix(attributes.a, \"x\")"));
  index.add(3, Filter());
  EXPECT_EQ(index.scanned(), 2u);
  EXPECT_THAT(match(index, {}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(match(index, {{"a", "x"}}), UnorderedElementsAre(2, 3));
  EXPECT_THAT(match(index, {{"a", "xy"}}), UnorderedElementsAre(1, 2, 3));
  index.remove(3, Filter());
  EXPECT_THAT(match(index, {}), UnorderedElementsAre(1));
}

TEST(FilterIndexTest, AFilterWhoseNormalFormIsTooLargeIsEvaluatedAsAWhole) {
  std::string text;
  for (int i = 0; i < 7; ++i) {
    const std::string n = std::to_string(i);
    text += (text.empty() ? "" : "AND") + ("(attributes:a" + n + " OR attributes:b" + n + ")");
  }
  FilterIndex index;
  const Filter filter = filter_of(text);
  index.add(1, filter);
  EXPECT_THAT(
      match(index,
            {{"a0", ""}, {"b1", ""}, {"a2", ""}, {"a3", ""}, {"b4", ""}, {"a5", ""}, {"b6", ""}}),
      UnorderedElementsAre(1));
  EXPECT_THAT(match(index, {{"a0", ""}}), IsEmpty());
  index.remove(1, filter);
  EXPECT_EQ(index.scanned(), 0u);
}

// Returns a random filter over few keys and values, fully parenthesized.
std::string random_filter(std::minstd_rand& random, int depth) {
  const auto pick = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  const std::string key(1, static_cast<char>('a' + pick(3)));
  const std::string value = std::to_string(pick(3));
  switch (pick(depth > 0 ? 8 : 4)) {
    case 0:
      return "attributes:" + key;
    case 1:
      return "attributes." + key + "!=\"" + value + "\"";
    case 2:
      return "hasPrefix(attributes." + key + ",\"" + value + "\")";
    case 3:
    case 4:
      return "attributes." + key + "=\"" + value + "\"";
    case 5:
      return "NOT(" + random_filter(random, depth - 1) + ")";
    default: {
      const char* joiner = pick(2) == 0 ? ")AND(" : ")OR(";
      return "((" + random_filter(random, depth - 1) + joiner + random_filter(random, depth - 1) +
             "))";
    }
  }
}

TEST(FilterIndexTest, FindsExactlyWhatTheFiltersThemselvesMatch) {
  std::minstd_rand random(20240308);
  FilterIndex index;
  std::vector<Filter> filters;
  while (filters.size() < 500) {
    const std::string text = random_filter(random, 3);
    if (text.size() > kMaxFilterBytes) continue;
    filters.push_back(filter_of(text));
    index.add(static_cast<SubscriptionId>(filters.size() - 1), filters.back());
  }
  // Removes every third filter again.
  for (std::size_t i = 0; i < filters.size(); i += 3) {
    index.remove(static_cast<SubscriptionId>(i), filters[i]);
  }
  const char* values[] = {nullptr, "0", "1", "2", "12", ""};
  for (const char* a : values) {
    for (const char* b : values) {
      for (const char* c : values) {
        std::vector<Attribute> attributes;
        if (a != nullptr) attributes.push_back({"a", a});
        if (b != nullptr) attributes.push_back({"b", b});
        if (c != nullptr) attributes.push_back({"c", c});
        std::vector<SubscriptionId> expected;
        for (std::size_t i = 0; i < filters.size(); ++i) {
          if (i % 3 != 0 && filters[i].matches(attributes)) {
            expected.push_back(static_cast<SubscriptionId>(i));
          }
        }
        EXPECT_THAT(match(index, attributes), testing::UnorderedElementsAreArray(expected));
      }
    }
  }
}

}  // namespace
}  // namespace pollbus::broker
