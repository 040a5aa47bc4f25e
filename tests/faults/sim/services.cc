#include "faults/sim/services.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <set>

#include "base/dependency.h"
#include "base/readiness.h"
#include "base/status.h"
#include "bus/settler.h"
#include "election/messages.h"
#include "election/pseudonym.h"
#include "election/wire.h"
#include "voting_logger/handler.h"
#include "voting_recorder/handler.h"

namespace pollbus::faults {
namespace {

// The services' own, without jitter: that draws on the operating system's chance.
constexpr BackoffPolicy kBackoff{.initial = std::chrono::milliseconds(100),
                                 .max = std::chrono::milliseconds(5'000),
                                 .jittered = false};

// What every service has, as in its main().
struct Base {
  explicit Base(Surroundings& surroundings)
      : around(surroundings),
        clock(around.world),
        bus("bus", "simulated", clock, readiness, around.metrics, kBackoff) {}

  Intake::Parts intake_parts() { return {around.bus.publisher(), around.bus.quarantine(), bus}; }

  Surroundings& around;
  SimulatedClock clock;
  Readiness readiness{clock};
  Dependency bus;
};

struct Logger : Base {
  explicit Logger(Surroundings& surroundings)
      : Base(surroundings),
        redis("redis", "simulated", clock, readiness, around.metrics, kBackoff),
        voters(around.redis.connect()),
        handler(intake_parts(), *voters, redis, around.keys.logger, around.metrics) {}

  Dependency redis;
  std::unique_ptr<VoterRegister> voters;
  voting_logger::Handler handler;
};

struct Recorder : Base {
  explicit Recorder(Surroundings& surroundings)
      : Base(surroundings),
        postgres("postgres", "simulated", clock, readiness, around.metrics, kBackoff),
        ballots(around.postgres.connect()),
        handler(intake_parts(), *ballots, postgres, around.keys.recorder, around.metrics) {}

  Dependency postgres;
  std::unique_ptr<BallotBox> ballots;
  voting_recorder::Handler handler;
};

// The handler's thread of a subscriber.
void work(Surroundings& around, Process& process, const std::string& subscription,
          BatchHandler handler) {
  Settler settler(std::move(handler));
  while (true) {
    const auto deliveries = around.bus.pull(subscription, around.profile.max_batch);
    if (deliveries.empty()) return;
    std::vector<ReceivedMessage> messages;
    std::vector<std::string> ack_ids;
    for (const auto& delivery : deliveries) {
      messages.push_back(delivery.message);
      ack_ids.push_back(delivery.ack_id);
    }
    settler.work(messages, ack_ids, process.stop_token(), [&](Settlement settlement) {
      around.bus.let_go(subscription, ack_ids);
      around.bus.acknowledge(subscription, settlement.acks);
      around.bus.give_back(subscription, settlement.nacks);
    });
  }
}

}  // namespace

std::string result_subscription(std::int64_t machine) { return fmt::format("result-{}", machine); }

void run_logger(Surroundings& around, Process& process) {
  process.spawn([&around, &process] {
    Logger logger(around);
    work(around, process, kSubmitSubscription,
         [&](auto batch, auto stop) { return logger.handler.handle(batch, stop); });
  });
}

void run_recorder(Surroundings& around, Process& process) {
  process.spawn([&around, &process] {
    Recorder recorder(around);
    work(around, process, kRecordSubscription,
         [&](auto batch, auto stop) { return recorder.handler.handle(batch, stop); });
  });
}

namespace {

// Writes down what one machine lives through.
class SimulatedHistory final : public voting_machine::History {
 public:
  SimulatedHistory(Surroundings& around, MachineState& state) : around_(around), state_(state) {
    note({.kind = MachineEvent::Kind::kStart, .election = kElection});
  }

  void cast(std::span<const SubmittedVote> votes) override {
    for (const SubmittedVote& vote : votes) note_vote(MachineEvent::Kind::kCast, vote);
    state_.cast += std::ssize(votes);
  }
  void recovered(const SubmittedVote& vote) override {
    note_vote(MachineEvent::Kind::kRecovered, vote);
  }
  void republished(const std::string& data) override {
    const auto vote = std::get<SubmittedVote>(wire::parse_submitted(data));
    note({.kind = MachineEvent::Kind::kRepublished, .uuid = vote.uuid});
  }
  void answered(const Result& result, bool ends) override {
    note({.kind = MachineEvent::Kind::kAnswered,
          .uuid = result.uuid,
          .result = result.outcome,
          .ends = ends});
  }

 private:
  void note_vote(MachineEvent::Kind kind, const SubmittedVote& vote) {
    note({.kind = kind,
          .election = vote.election,
          .uuid = vote.uuid,
          .voter = pseudonym(around_.keys.history, vote.election, vote.voter),
          .choice = vote.choice});
  }
  void note(MachineEvent event) {
    event.t_us = around_.world.now_us();
    event.machine = state_.id;
    if (around_.world.is_traced()) around_.world.trace(to_line(event));
    around_.evidence.events.push_back(std::move(event));
  }

  Surroundings& around_;
  MachineState& state_;
};

// Version-4 UUIDs from the world's own chance.
std::string draw_uuid(Random& random) {
  const std::uint64_t high = random.next();
  const std::uint64_t low = random.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xfff, low >> 48 & 0xfff, low & 0xffff'ffff'ffff);
}

voting_machine::RandomVoter voter_of(Surroundings& around, const MachineState& state) {
  constexpr std::int64_t kChoices = 3;
  return {state.seed + static_cast<std::uint64_t>(state.cast), around.profile.voters, kChoices,
          [&around] { return draw_uuid(around.world.random()); }};
}

// One life of a machine. What its main() does, between its two threads.
struct Machine : Base {
  Machine(Surroundings& surroundings, Process& its_process, MachineState& its_state)
      : Base(surroundings), process(its_process), state(its_state), history(around, state) {}

  absl::Status open() {
    const std::string owner = fmt::format("election {} machine {}", kElection, state.id);
    ASSIGN_OR_RETURN(journal, voting_machine::Journal::open(state.disk.open(), owner));
    machine = std::make_unique<voting_machine::Machine>(
        voting_machine::Machine::Parts{
            .journal = *journal,
            .bus = intake_parts(),
            .clock = clock,
            .metrics = around.metrics,
            .history = &history,
            .seed = static_cast<std::uint32_t>(around.world.random().next())},
        voting_machine::Load{.election = kElection,
                             .machine = state.id,
                             .votes = state.votes - state.cast,
                             .rate = around.profile.rate,
                             .in_flight = around.profile.in_flight,
                             .patience = std::chrono::hours(24)},
        voter_of(around, state));
    return absl::OkStatus();
  }

  // As Machine::run() does, with a thread that is not a real one.
  absl::Status cast() {
    const std::stop_token stop = process.stop_token();
    while (!stop.stop_requested()) {
      const int seen = batches;
      ASSIGN_OR_RETURN(const auto next, machine->step(stop));
      if (next.done) {
        state.is_done = true;
        break;
      }
      if (batches == seen && next.wake > around.world.now()) around.world.wait(answered, next.wake);
    }
    return machine->erase_answered();
  }

  std::vector<Verdict> on_results(std::span<const ReceivedMessage> batch, std::stop_token stop) {
    auto verdicts = machine->on_results(batch, stop);
    ++batches;
    around.world.notify(answered);
    return verdicts;
  }

  Process& process;
  MachineState& state;
  SimulatedHistory history;
  std::unique_ptr<voting_machine::Journal> journal;
  std::unique_ptr<voting_machine::Machine> machine;
  int batches = 0;
  Condition answered;
};

}  // namespace

void run_machine(Surroundings& around, Process& process, MachineState& state) {
  process.spawn([&around, &process, &state] {
    const auto life = std::make_shared<Machine>(around, process, state);
    absl::Status status = life->open();
    if (status.ok()) {
      process.spawn([life] {
        work(life->around, life->process, result_subscription(life->state.id),
             [&](auto batch, auto stop) { return life->on_results(batch, stop); });
      });
      status = life->cast();
    }
    if (status.ok()) return;
    if (around.world.is_traced())
      around.world.trace(fmt::format("{} ends: {}", process.name(), status.ToString()));
    around.world.crash();
  });
}

void run_original_machine(Surroundings& around, Process& process, MachineState& state) {
  struct Life {
    Life(Surroundings& around, MachineState& state) : history(around, state) {}
    SimulatedHistory history;
    std::set<std::string> pending;
  };
  const auto life = std::make_shared<Life>(around, state);
  process.spawn([&around, &process, &state, life] {
    auto voter = voter_of(around, state);
    for (std::int64_t i = 0; i < state.votes; ++i) {
      const SubmittedVote vote = voter.cast(kElection, state.id, 0);
      life->pending.insert(vote.uuid);
      life->history.cast({&vote, 1});
      const std::array message{wire::submit_message(vote)};
      while (!around.bus.publisher().publish(message).ok())
        around.world.sleep(std::chrono::milliseconds(around.world.random().between(50, 2'000)));
      around.world.sleep(std::chrono::milliseconds(around.world.random().between(0, 2'000)));
    }
    (void)process;
  });
  process.spawn([&around, &process, &state, life] {
    work(around, process, result_subscription(state.id), [&](auto batch, auto) {
      for (const ReceivedMessage& message : batch) {
        const auto parsed = wire::parse_result(message.data);
        const auto* result = std::get_if<Result>(&parsed);
        const bool is_mine =
            message.attribute(std::string(wire::kMachineId)) == std::to_string(state.id);
        if (result == nullptr || !is_mine) continue;
        life->history.answered(*result, life->pending.erase(result->uuid) > 0);
      }
      state.is_done = state.cast == state.votes && life->pending.empty();
      return std::vector<Verdict>(batch.size(), Verdict::kAck);
    });
  });
}

void run_poisoner(Surroundings& around, Process& process, int count) {
  process.spawn([&around, count] {
    static const std::array<std::string, 6> kPoisons = {
        "not JSON",
        R"({"machine_ID":1,"voter_ID":2,"voting":1,"election_ID":12,"UUID":"not one"})",
        R"({"machine_ID":1,"voter_ID":2,"election_ID":12,)"
        R"("UUID":"00000000-0000-4000-8000-000000000000"})",
        R"({"machine_ID":1,"voter_ID":2,"voting":"1","election_ID":12,)"
        R"("UUID":"00000000-0000-4000-8000-000000000000"})",
        R"({"machine_ID":-1,"voter_ID":2,"voting":1,"election_ID":12,)"
        R"("UUID":"00000000-0000-4000-8000-000000000000"})",
        std::string(wire::kMaxMessageBytes + 1, ' ')};
    Random& random = around.world.random();
    for (int i = 0; i < count; ++i) {
      around.world.sleep(std::chrono::milliseconds(random.between(1, 5'000)));
      const std::string_view function = random.chance(0.5) ? wire::kSubmitVote : wire::kRecordVote;
      const std::array message{
          Message{.data = kPoisons[random.below(kPoisons.size())],
                  .attributes = {{std::string(wire::kFunction), std::string(function)}}}};
      around.bus.expect_poison();
      (void)around.bus.publisher().publish(message);  // nobody tries again
    }
  });
}

}  // namespace pollbus::faults
