// The example of docs/elections.md must verify.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "election/election_state.h"

namespace pollbus {
namespace {

// The lines of the block of text below "An example that verifies": data and signature in turn.
std::vector<SignedEvent> example() {
  std::ifstream document(POLLBUS_DOCS "/elections.md");
  std::string line;
  while (std::getline(document, line) && line != "### An example that verifies") continue;
  while (std::getline(document, line) && line != "```text") continue;
  std::vector<SignedEvent> events;
  std::string signature;
  while (std::getline(document, line) && line != "```" && std::getline(document, signature)) {
    events.push_back({line, signature});
  }
  return events;
}

OfficePublicKey office() {
  return *OfficePublicKey::parse(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

TEST(ElectionHandbook, ItsExampleVerifies) {
  const auto events = example();
  ASSERT_EQ(events.size(), 7);
  const auto state = replay(events, office());
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->phase, Phase::kCertified);
  EXPECT_EQ(state->marks, 3);
  EXPECT_EQ(short_fingerprint(fingerprint(state->definition)), "71d0 1455");
}

TEST(ElectionHandbook, ItsExampleDoesNotVerifyWithAnyChange) {
  const auto events = example();
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto changed = events;
    changed[i].data.replace(changed[i].data.find("2026"), 4, "2027");
    EXPECT_FALSE(replay(changed, office()).ok());
    changed = events;
    changed[i].signature[0] = changed[i].signature[0] == '0' ? '1' : '0';
    EXPECT_FALSE(replay(changed, office()).ok());
    changed = events;
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(replay(changed, office()).ok(), i + 1 == events.size());  // an older history
  }
}

}  // namespace
}  // namespace pollbus
