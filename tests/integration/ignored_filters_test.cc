// A bus that stores filters but does not apply them, like Google's emulator up to 0.8.20.
#include <gmock/gmock.h>

#include "election/wire.h"
#include "integration/election_fixture.h"
#include "integration/under_load.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

class IgnoredFiltersTest : public ElectionTest {
 protected:
  static int times_in(const std::string& text, const std::string& word) {
    int times = 0;
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++times;
    return times;
  }
};

TEST_F(IgnoredFiltersTest, TheElectionHasTheSameResult) {
  ElectionSystem& system =
      begin({.loggers = 2, .recorders = 2, .broker_flags = {"--ignore-filters"}});
  Load load(system);
  EXPECT_TRUE(load.flows(200));
  load.finish_and_check();
}

TEST_F(IgnoredFiltersTest, EveryStrayIsCountedAndTheFirstIsLogged) {
  ElectionSystem& system = begin({.broker_flags = {"--ignore-filters"}});
  const auto machine = system.bus_machine(3);
  constexpr int kVotes = 30;
  for (int voter = 0; voter < kVotes; ++voter) {
    ASSERT_EQ(machine->cast(machine->draw(voter, 1)), absl::OkStatus());
  }
  ASSERT_TRUE(machine->wait_for_all_answers(20s));
  // Each vote leads to three messages. Each service handles one of them, and gets all three on its
  // subscription to the office's commands too.
  for (const VotingService* service : system.services()) {
    EXPECT_TRUE(eventually(10s, [&] {
      return service->metric("pollbus_strays_total") == 5.0 * kVotes;
    })) << service->name();
    EXPECT_EQ(times_in(service->log(), "filter excludes"), 2) << service->name();
    EXPECT_EQ(service->metric("pollbus_quarantined_total"), 0.0);
  }
  expect_invariants(system, machine->accounts());
}

}  // namespace
}  // namespace pollbus::testing
