#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/logging.h"
#include "faults/sim/election.h"
#include "faults/sim/world.h"

namespace pollbus::faults {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SimulationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { set_up_logging("simulation", LogFormat::kText, LogLevel::kError); }
};

TEST_F(SimulationTest, TheSameSeedIsTheSameElection) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const SimulatedElection first = simulate(seed, Mutant{}, /*is_traced=*/true);
    EXPECT_THAT(first.history, Not(IsEmpty()));
    EXPECT_EQ(simulate(seed, Mutant{}, /*is_traced=*/true).history, first.history) << seed;
    EXPECT_EQ(simulate(seed, Mutant{}, /*is_traced=*/false).evidence.events.size(),
              first.evidence.events.size());
  }
}

TEST_F(SimulationTest, AnotherSeedIsAnotherElection) {
  EXPECT_NE(simulate(1, Mutant{}, true).history, simulate(2, Mutant{}, true).history);
}

TEST_F(SimulationTest, AMutantIsFoundAndItsVotesStoryTold) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const SimulatedElection election = simulate(seed, *mutant_named("no-fingerprint"), false);
    for (const Violation& violation : election.judgement.violations) {
      if (violation.uuid.empty()) continue;
      EXPECT_THAT(story_of(election.evidence, simulation_keys(), violation.uuid),
                  HasSubstr(violation.uuid));
      return;
    }
  }
  FAIL() << "50 elections, and nobody missed the fingerprint";
}

TEST(WorldTest, ThreadsRunInTheOrderOfTheirWakeTimes) {
  World world(1, false);
  std::vector<int> order;
  Process process(world, "p");
  process.spawn([&] {
    world.sleep(std::chrono::seconds(2));
    order.push_back(2);
  });
  process.spawn([&] {
    world.sleep(std::chrono::seconds(1));
    order.push_back(1);
  });
  EXPECT_TRUE(world.run(SteadyTime(std::chrono::seconds(3)), [] { return false; }));
  EXPECT_THAT(order, ElementsAre(1, 2));
  EXPECT_EQ(world.now_us(), 3'000'000);
}

TEST(WorldTest, AKilledProcessEndsItsThreadsAndReleasesWhatTheyHold) {
  World world(1, false);
  const auto held = std::make_shared<int>(1);
  bool went_on = false;
  Process process(world, "p");
  process.spawn([&world, &went_on, held] {
    world.sleep(std::chrono::seconds(2));
    went_on = true;
  });
  world.after(std::chrono::seconds(1), [&] { process.kill(); });
  world.run(SteadyTime(std::chrono::seconds(3)), [] { return false; });
  EXPECT_FALSE(went_on);
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(held.use_count(), 1);
}

TEST(WorldTest, AFrozenProcessDoesNotRun) {
  World world(1, false);
  std::int64_t woke_us = 0;
  Process process(world, "p");
  process.spawn([&] {
    world.sleep(std::chrono::seconds(1));
    woke_us = world.now_us();
  });
  process.freeze(std::chrono::seconds(5));
  world.run(SteadyTime(std::chrono::seconds(9)), [] { return false; });
  EXPECT_EQ(woke_us, 6'000'000);  // it began when it was thawed
}

TEST(WorldTest, AnEndlessSimulationIsNoticed) {
  World world(1, false);
  std::function<void()> again = [&] { world.after(std::chrono::nanoseconds(0), again); };
  again();
  EXPECT_FALSE(world.run(SteadyTime(std::chrono::seconds(1)), [] { return false; }));
}

}  // namespace
}  // namespace pollbus::faults
