#include "faults/sim/services.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

#include "base/dependency.h"
#include "base/readiness.h"
#include "base/status.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/messages.h"
#include "election/receipt.h"
#include "election/wire.h"
#include "faults/decorators/failing_bus.h"
#include "faults/decorators/failing_journal.h"
#include "faults/decorators/failing_stores.h"
#include "faults/sim/draw_uuid.h"
#include "faults/sim/machine_observer.h"
#include "faults/sim/office.h"
#include "faults/sim/other_make.h"
#include "voting_logger/handler.h"
#include "voting_logger/office_handler.h"
#include "voting_machine/journal_owner.h"
#include "voting_machine/load_generator.h"
#include "voting_machine/random_voter.h"
#include "voting_machine/vote_client.h"
#include "voting_recorder/handler.h"
#include "voting_recorder/office_handler.h"

namespace pollbus::faults {
namespace {

template <typename Part>
std::unique_ptr<Part> wrapped(std::unique_ptr<Part> part, const Mutant::Around<Part>& around) {
  return around ? around(std::move(part)) : std::move(part);
}

// As in the services, but without jitter, which would come from the operating system.
constexpr BackoffPolicy kBackoff{.initial = std::chrono::milliseconds(100),
                                 .max = std::chrono::milliseconds(5'000),
                                 .jittered = false};

// What each service's main() makes first. `part` is the service's name in failpoints.
struct Base {
  Base(Surroundings& surroundings, std::string part_name,
       const Mutant::Around<Publisher>& wrong_publisher)
      : around(surroundings),
        part(std::move(part_name)),
        clock(around.world),
        bus("bus", "simulated", clock, readiness, around.metrics, kBackoff),
        topic(std::make_unique<FailingPublisher>(wrapped(around.bus.connect(), wrong_publisher),
                                                 part, around.failpoints)),
        quarantine(around.bus.connect_to_quarantine()),
        outbox({*topic, *quarantine, bus}, around.metrics) {}
  virtual ~Base() = default;

  // The key that verifies the office's commands.
  std::optional<OfficePublicKey> office_key() const {
    if (!around.profile.is_defined) return std::nullopt;
    return office_private_key().public_key();
  }

  // Puts the failpoints around the handler of this service's subscription.
  BatchHandler failing(BatchHandler handler) const {
    return failing_handler(std::move(handler), part, around.failpoints);
  }

  Surroundings& around;
  const std::string part;
  SimulatedClock clock;
  Readiness readiness{clock};
  Dependency bus;
  std::unique_ptr<Publisher> topic;
  std::unique_ptr<Publisher> quarantine;
  Outbox outbox;
};

struct Logger : Base {
  explicit Logger(Surroundings& surroundings)
      : Base(surroundings, "logger", surroundings.mutant.logger_publisher),
        redis("redis", "simulated", clock, readiness, around.metrics, kBackoff),
        voters(wrapped(around.redis.connect(), around.mutant.voters), around.failpoints),
        handler({.outbox = outbox,
                 .voters = voters,
                 .redis = redis,
                 .clock = clock,
                 .readiness = readiness,
                 .metrics = around.metrics},
                around.keys.logger, around.ring.services()),
        elections(around.redis.connect_elections(), around.failpoints),
        office_handler(outbox, elections, redis, office_key(), around.ring.services(),
                       around.metrics) {}

  Dependency redis;
  FailingRegister voters;
  voting_logger::Handler handler;
  FailingElectionRegister elections;
  voting_logger::OfficeHandler office_handler;
};

struct Recorder : Base {
  explicit Recorder(Surroundings& surroundings)
      : Base(surroundings, "recorder", surroundings.mutant.recorder_publisher),
        postgres("postgres", "simulated", clock, readiness, around.metrics, kBackoff),
        ballots(wrapped(around.postgres.connect(), around.mutant.ballots), around.failpoints),
        handler({.outbox = outbox,
                 .ballots = ballots,
                 .postgres = postgres,
                 .clock = clock,
                 .readiness = readiness,
                 .metrics = around.metrics},
                around.ring.services()),
        events(around.postgres.connect_events(), around.failpoints),
        office_handler({.outbox = outbox,
                        .events = events,
                        .postgres = postgres,
                        .clock = clock,
                        .readiness = readiness,
                        .metrics = around.metrics},
                       office_key(), around.ring.services()) {}

  Dependency postgres;
  FailingBallotBox ballots;
  voting_recorder::Handler handler;
  FailingEventStore events;
  voting_recorder::OfficeHandler office_handler;
};

}  // namespace

void work(Surroundings& around, Process& process, const std::string& subscription,
          const BatchHandler& handler) {
  while (true) {
    const auto deliveries = around.bus.pull(subscription, around.profile.max_batch);
    if (deliveries.empty()) return;
    std::vector<ReceivedMessage> messages;
    std::vector<std::string_view> ack_ids;
    for (const auto& delivery : deliveries) {
      messages.push_back(delivery.message);
      ack_ids.push_back(delivery.ack_id);
    }
    const auto verdicts = handler(messages, process.stop_token());
    const BatchAnswers answers = answers_to(ack_ids, verdicts);
    around.bus.let_go(subscription, ack_ids);
    around.bus.acknowledge(subscription, answers.acks);
    around.bus.give_back(subscription, answers.nacks);
  }
}

namespace {

// Runs a logger or a recorder. The service lives until the last of its threads has ended.
template <typename Service>
void run_service(Surroundings& around, Process& process, const std::string& subscription,
                 const std::string& office_subscription) {
  process.spawn([&around, &process, subscription, office_subscription] {
    const auto service = std::make_shared<Service>(around);
    const auto mistaken = [&](BatchHandler handler) {
      if (!around.mutant.service_handler) return handler;
      return around.mutant.service_handler(
          std::move(handler), [&process](auto body) { process.spawn(std::move(body)); });
    };
    if (around.profile.is_defined) {
      BatchHandler office = mistaken([service](auto batch, auto stop) {
        return service->office_handler.handle(batch, std::move(stop));
      });
      process.spawn([&around, &process, service, office_subscription, office = std::move(office)] {
        work(around, process, office_subscription, service->failing(office));
      });
    }
    work(around, process, subscription, service->failing(mistaken([service](auto batch, auto stop) {
      return service->handler.handle(batch, std::move(stop));
    })));
  });
}

}  // namespace

std::string result_subscription(std::int64_t machine) { return fmt::format("result-{}", machine); }

void run_logger(Surroundings& around, Process& process) {
  run_service<Logger>(around, process, kSubmitSubscription, kLoggerOfficeSubscription);
}

void run_recorder(Surroundings& around, Process& process) {
  run_service<Recorder>(around, process, kRecordSubscription, kRecorderOfficeSubscription);
}

namespace {

voting_machine::Voter voter_of(Surroundings& around, const MachineState& state) {
  return [&around,
          random = voting_machine::RandomVoter(
              state.seed + static_cast<std::uint64_t>(state.record.cast), around.profile.voters,
              Electorate::kChoices, [&around] { return draw_uuid(around.world.random()); })](
             std::int64_t election, std::int64_t machine, std::int64_t timestamp_ms) mutable {
    return around.electorate.complete(random.cast(election, machine, timestamp_ms),
                                      around.world.random());
  };
}

// Whether a store refuses a vote for good, and whether the office's rules do.
MachineObserver::Expected expected(Surroundings& around) {
  return {
      .may_be_refused =
          [&around](const SubmittedVote& vote) {
            return around.redis.refuses(vote.voter) ||
                   around.postgres.refuses(receipt(vote.election, vote.uuid));
          },
      .eligible = [&around](const SubmittedVote& vote) { return around.electorate.judge(vote); }};
}

// One life of a machine: what its main() sets up, with fibers instead of threads.
struct Machine : Base, voting_machine::VoteObserver {
  Machine(Surroundings& surroundings, Process& its_process, MachineState& its_state)
      : Base(surroundings, "machine", surroundings.mutant.machine_publisher),
        process(its_process),
        state(its_state),
        observer(around.world, around.keys.pseudonyms, kElection, state.id, around.evidence,
                 state.record, expected(around)),
        observed_topic(observer.around(std::move(topic))) {}

  absl::Status open() {
    auto file = observer.around(std::make_unique<FailingJournalFile>(
        wrapped(state.disk.open(), around.mutant.journal), around.failpoints));
    ASSIGN_OR_RETURN(journal, voting_machine::Journal::open(std::move(file)));
    RETURN_IF_ERROR(voting_machine::claim_journal(
        *journal,
        {.election = kElection, .machine = state.id, .topic = "t", .host = "h", .life = "l"},
        voting_machine::LeftoverVotes::kRefuse));
    client = std::make_unique<voting_machine::VoteClient>(
        voting_machine::VoteClient::Parts{
            .journal = *journal,
            .bus = {*observed_topic, *quarantine, bus},
            .clock = clock,
            .readiness = readiness,
            .metrics = around.metrics,
            .keys = around.ring.machine(state.id),
            .seed = static_cast<std::uint32_t>(around.world.random().next())},
        state.id);
    generator = std::make_unique<voting_machine::LoadGenerator>(
        *client, clock,
        voting_machine::Load{.election = kElection,
                             .machine = state.id,
                             .votes = state.votes - state.record.cast,
                             .rate = around.profile.rate,
                             .in_flight = around.profile.in_flight,
                             .patience = std::chrono::hours(24)},
        voter_of(around, state));
    client->add_observer(*this);
    return absl::OkStatus();
  }

  // Casting and tending share a fiber, because both use the journal.
  absl::Status cast() {
    const std::stop_token stop = process.stop_token();
    while (!stop.stop_requested()) {
      const int seen = changes;
      ASSIGN_OR_RETURN(const SteadyTime wake, client->tend());
      ASSIGN_OR_RETURN(const auto next, generator->step());
      if (next.done) {
        state.is_done = true;
        break;
      }
      wait(seen, std::min(wake, next.wake));
    }
    has_ended = true;
    changed();
    return client->tend().status();
  }

  void deliver() {
    const std::stop_token stop = process.stop_token();
    while (!stop.stop_requested() && !has_ended) {
      const int seen = changes;
      wait(seen, client->deliver(stop));
    }
  }

  void kept(std::span<const SubmittedVote> /*votes*/) override { changed(); }
  void timed_out(std::span<const std::string> /*uuids*/) override { changed(); }
  void answered(std::span<const voting_machine::Answer> /*answers*/) override { changed(); }

  void changed() {
    ++changes;
    around.world.notify(change);
  }
  void wait(int seen, SteadyTime wake) {
    if (changes == seen && wake > around.world.now()) around.world.wait(change, wake);
  }

  Process& process;
  MachineState& state;
  MachineObserver observer;
  std::unique_ptr<Publisher> observed_topic;
  std::unique_ptr<voting_machine::Journal> journal;
  std::unique_ptr<voting_machine::VoteClient> client;
  std::unique_ptr<voting_machine::LoadGenerator> generator;
  int changes = 0;
  Condition change;
  bool has_ended = false;
};

}  // namespace

void run_machine(Surroundings& around, Process& process, MachineState& state) {
  process.spawn([&around, &process, &state] {
    const auto life = std::make_shared<Machine>(around, process, state);
    absl::Status status = life->open();
    if (status.ok()) {
      process.spawn([life] {
        work(life->around, life->process, result_subscription(life->state.id),
             life->failing(life->observer.around(
                 [&](auto batch, auto stop) { return life->client->on_results(batch, stop); })));
      });
      process.spawn([life] { life->deliver(); });
      status = life->cast();
    }
    if (status.ok()) return;
    if (around.world.is_traced())
      around.world.trace(fmt::format("{} ends: {}", process.name(), status.ToString()));
    around.world.crash();
  });
}

void run_original_machine(Surroundings& around, Process& process, MachineState& state) {
  const auto observer =
      std::make_shared<MachineObserver>(around.world, around.keys.pseudonyms, kElection, state.id,
                                        around.evidence, state.record, expected(around));
  process.spawn([&around, &state, observer] {
    const auto publisher = around.bus.connect();
    auto voter = voter_of(around, state);
    for (std::int64_t i = 0; i < state.votes; ++i) {
      const SubmittedVote vote = voter(kElection, state.id, 0);
      observer->cast(vote);
      std::array message{wire::submit_message(vote)};
      authenticate_as_other_make(around.ring.services(), state.id, message.data());
      while (!publisher->publish(message).ok())
        around.world.sleep(std::chrono::milliseconds(around.world.random().between(50, 2'000)));
      around.world.sleep(std::chrono::milliseconds(around.world.random().between(0, 2'000)));
    }
  });
  process.spawn([&around, &process, &state, observer] {
    work(around, process, result_subscription(state.id), observer->around([&](auto batch, auto) {
      state.is_done = state.record.cast == state.votes && observer->is_all_answered();
      return std::vector<Verdict>(batch.size(), Verdict::kAck);
    }));
  });
}

namespace {

// A vote that was answered successful, drawn by chance; nothing if there is none yet.
const MachineEvent* draw_stored_vote(Surroundings& around) {
  std::vector<const MachineEvent*> stored;
  for (const MachineEvent& event : around.evidence.events) {
    if (event.kind == MachineEvent::Kind::kAnswered && event.result == Outcome::kSuccessful)
      stored.push_back(&event);
  }
  return stored.empty() ? nullptr : stored[around.world.random().below(stored.size())];
}

}  // namespace

void run_forger(Surroundings& around, Process& process, int count) {
  process.spawn([&around, count] {
    const auto publisher = around.bus.connect();
    for (int i = 0; i < count; ++i) {
      around.world.sleep(std::chrono::milliseconds(around.world.random().between(1, 10'000)));
      const MachineEvent* const stored = draw_stored_vote(around);
      if (stored == nullptr) continue;
      std::array message{wire::record_message(
          {.election = kElection, .machine = kForger, .choice = 1, .uuid = stored->uuid})};
      authenticate(around.ring.services(), message);
      around.bus.expect_poison();
      publisher->publish(message).IgnoreError();
    }
  });
  process.spawn([&around, &process] {
    work(around, process, result_subscription(kForger), [&around](auto batch, auto) {
      for (const ReceivedMessage& message : batch) {
        const auto parsed = wire::parse_result(message.data);
        const auto* result = std::get_if<Result>(&parsed);
        const bool is_for_forger = message.attribute(wire::kMachineId) == std::to_string(kForger);
        if (is_for_forger && result != nullptr && result->outcome == Outcome::kSuccessful)
          around.evidence.forged_successes.push_back(result->uuid);
      }
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
    const auto publisher = around.bus.connect();
    Random& random = around.world.random();
    for (int i = 0; i < count; ++i) {
      around.world.sleep(std::chrono::milliseconds(random.between(1, 5'000)));
      const std::string_view function = random.chance(0.5) ? wire::kSubmitVote : wire::kRecordVote;
      std::array message{
          Message{.data = kPoisons[random.below(kPoisons.size())],
                  .attributes = {{std::string(wire::kFunction), std::string(function)},
                                 {std::string(wire::kMachineId), "1"}}}};
      // Those of a logger or a machine that has gone mad have a MAC.
      if (random.chance(0.7)) authenticate(around.ring.services(), message);
      around.bus.expect_poison();
      publisher->publish(message).IgnoreError();
    }
  });
}

}  // namespace pollbus::faults
