#include "bus/settler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Settlement settled(const std::vector<Verdict>& verdicts) {
  Settlement settlement;
  bool was_handled = false;
  Settler settler([&](std::span<const ReceivedMessage>, std::stop_token) {
    was_handled = true;
    return verdicts;
  });
  settler.work(std::vector<ReceivedMessage>(3), {"a", "b", "c"}, {}, [&](Settlement its) {
    EXPECT_TRUE(was_handled);
    settlement = std::move(its);
  });
  return settlement;
}

TEST(SettlerTest, AcksWhatIsSafeAndGivesTheRestBack) {
  const Settlement mixed = settled({Verdict::kAck, Verdict::kNack, Verdict::kAck});
  EXPECT_THAT(mixed.acks, ElementsAre("a", "c"));
  EXPECT_THAT(mixed.nacks, ElementsAre("b"));
}

TEST(SettlerTest, WhatHasNoVerdictIsGivenBack) {
  const Settlement none = settled({});
  EXPECT_THAT(none.acks, IsEmpty());
  EXPECT_THAT(none.nacks, ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace pollbus
