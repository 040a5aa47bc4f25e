// Results on topics of their own.
#include <gmock/gmock.h>

#include <atomic>

#include "election/wire.h"
#include "integration/bus_listener.h"
#include "integration/election_fixture.h"

namespace pollbus::testing {
namespace {

class ResultTopicsTest : public ElectionTest {};

// Counts the messages on a topic whose function is "result".
class ResultCounter {
 public:
  ResultCounter(const BusConfig& bus, const std::string& topic)
      : listener_(bus, topic, "results-on-" + topic, "attributes.function = \"result\"",
                  [this](const ReceivedMessage&) { ++count_; }) {}
  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
  BusListener listener_;
};

TEST_F(ResultTopicsTest, EachMachineGetsItsAnswersOnItsTopicAndNoneAreOnTheOneTopic) {
  ElectionSystem& system = begin({.environment = {{"RESULT_TOPICS", "2"}}, .has_keys = true});
  const ResultCounter one(system.bus(), system.topic());
  const ResultCounter even(system.bus(), system.topic() + "-results-0");
  const ResultCounter odd(system.bus(), system.topic() + "-results-1");
  constexpr std::int64_t kVotes = 200;
  std::vector<std::unique_ptr<MachineProcess>> machines;
  for (const std::int64_t machine : {3, 4, 5}) {
    machines.push_back(system.launch_machine(
        {.machine = machine, .votes = kVotes, .voters = 400, .seed = machine}));
  }
  std::int64_t successful = 0;
  for (const auto& machine : machines) {
    const MachineSummary summary = machine->finish();
    EXPECT_EQ(summary.successful + summary.already_voted, kVotes);
    EXPECT_EQ(summary.timed_out, 0);
    successful += summary.successful;
  }
  EXPECT_EQ(system.row_count(), successful);
  EXPECT_EQ(std::ssize(system.marks()), successful);
  EXPECT_EQ(one.count(), 0);
  EXPECT_GE(odd.count(), 2 * kVotes);
  EXPECT_GE(even.count(), kVotes);
}

}  // namespace
}  // namespace pollbus::testing
