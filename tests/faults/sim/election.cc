#include "faults/sim/election.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "election/office_messages.h"
#include "election/wire.h"
#include "faults/sim/attacker.h"
#include "faults/sim/chaos.h"
#include "faults/sim/office.h"
#include "faults/sim/services.h"

namespace pollbus::faults {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// How long after the last fault every vote must be answered, as docs/reliability.md promises.
constexpr seconds kResolveBound{60};
// If two machines have one id, half of the answers go to the wrong one.
constexpr minutes kTwinResolveBound{30};
// How long after the last fault the office must have certified the result.
constexpr minutes kOfficeBound{5};
// How long after that the bus may take to become empty.
constexpr minutes kDrainBound{10};
constexpr seconds kMostRestart{5};
constexpr double kPowerCut = 0.3;
// How long a rotation of keys takes at most, and the pause between two restarts.
constexpr seconds kRotation{15};
constexpr milliseconds kRestartPause{100};
// How far the clock of Redis is set back at most.
constexpr seconds kMostClockStep{90};

class Election {
 public:
  Election(std::uint64_t seed, const Mutant& mutant, bool is_traced)
      : mutant_(mutant),
        world_(seed, is_traced),
        profile_(draw_profile(world_.random())),
        drawn_(profile_),
        chaos_(world_, profile_, evidence_, servers(), [this] { return living(); }) {
    build();
  }
  ~Election() {
    slots_.clear();
    ended_.clear();
  }
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  SimulatedElection run() {
    chaos_.begin();
    if (profile_.rotates) plan_rotation();
    bool came_to_an_end = world_.run(SteadyTime(profile_.faults_end), [] { return false; });
    const SteadyTime healed = heal();
    const auto bound = profile_.has_twin ? microseconds(kTwinResolveBound) : kResolveBound;
    came_to_an_end &= world_.run(healed + bound, [this] { return all_answered(); });
    const bool resolved = all_answered();
    const microseconds took = std::chrono::duration_cast<microseconds>(world_.now() - healed);
    came_to_an_end &= world_.run(healed + kOfficeBound, [this] { return all_certified(); });
    const bool certified = all_certified();
    const auto is_drained = [this] { return all_answered() && bus_.backlog() == 0; };
    came_to_an_end &= world_.run(world_.now() + kDrainBound, is_drained);

    redis_.add_to(&evidence_);
    postgres_.add_to(&evidence_);
    SimulatedElection result{.profile = drawn_,
                             .judgement = judge(evidence_, simulation_keys()),
                             .simulated_us = world_.now_us(),
                             .resolved_after_us = took.count(),
                             .history = world_.history()};
    if (!came_to_an_end) broken(&result, "liveness", "something happens over and over again");
    if (!resolved) {
      broken(&result, "liveness",
             fmt::format("votes were pending {} s after the last fault",
                         std::chrono::duration_cast<seconds>(bound).count()));
    } else if (!certified) {
      broken(&result, "liveness", "the office could not certify the result");
    } else if (!is_drained()) {
      broken(&result, "liveness", "the bus still holds messages long after the last answer");
    }
    result.evidence = std::move(evidence_);
    return result;
  }

 private:
  // A place in the election that one process after another fills.
  struct Slot {
    std::string name;
    std::function<void(Process&)> run;
    std::function<void()> on_end = [] {};
    bool is_sheltered = false;
    int lives = 0;
    KeyRing::Step keys = KeyRing::Step::kOld;
    std::unique_ptr<Process> process;
  };

  static void broken(SimulatedElection* result, const char* what, std::string why) {
    result->judgement.violations.push_back({what, "", std::move(why)});
  }

  void build() {
    subscribe(kSubmitSubscription, wire::kSubmitVote, {}, "");
    subscribe(kRecordSubscription, wire::kRecordVote, {}, "");
    slots_.reserve(32);
    if (profile_.is_defined) add_office();
    for (int i = 1; i <= profile_.loggers; ++i)
      add(fmt::format("logger-{}", i), [this](Process& process) { run_logger(around_, process); });
    for (int i = 1; i <= profile_.recorders; ++i) {
      add(fmt::format("recorder-{}", i),
          [this](Process& process) { run_recorder(around_, process); });
    }
    for (int i = 1; i <= profile_.machines; ++i) add_machine(i);
    if (profile_.has_twin) add_machine(1);
    for (int i = 1; i <= profile_.original_machines; ++i) add_original(100 + i);
    if (profile_.poisons > 0) {
      add("poisoner", [this](Process& process) {
        run_poisoner(around_, process, profile_.poisons);
      }).is_sheltered = true;
    }
    if (profile_.forgeries > 0) {
      subscribe(result_subscription(kForger), wire::kResult, wire::kMachineId,
                std::to_string(kForger));
      add("forger", [this](Process& process) {
        run_forger(around_, process, profile_.forgeries);
      }).is_sheltered = true;
    }
    if (profile_.attacks > 0) {
      add("attacker", [this](Process& process) {
        run_attacker(around_, process, profile_.attacks);
      }).is_sheltered = true;
    }
    for (Slot& slot : slots_) start(slot);
  }

  // The keys change early enough that the last process has them before the faults end.
  void plan_rotation() {
    const auto latest = std::max(profile_.faults_end - kRotation, microseconds(0));
    world_.after(world_.random().between(microseconds(0), latest), [this] {
      ring_.go_on();
      rotate();
    });
  }

  // Restarts one process after the other that does not have the keys of this step. When all have
  // them, takes the next step.
  void rotate() {
    const auto is_behind = [this](const Slot& slot) {
      return !slot.is_sheltered && slot.keys != ring_.step();
    };
    const auto behind = std::ranges::find_if(
        slots_, [&](const Slot& slot) { return is_behind(slot) && slot.process->is_alive(); });
    if (behind != slots_.end()) {
      behind->process->kill();
    } else if (std::ranges::none_of(slots_, is_behind)) {
      if (ring_.step() == KeyRing::Step::kNew) return;
      ring_.go_on();
    }
    world_.after(kRestartPause, [this] { rotate(); });
  }

  Slot& add(std::string name, std::function<void(Process&)> run) {
    return slots_.emplace_back(Slot{.name = std::move(name), .run = std::move(run)});
  }

  void subscribe(const std::string& name, std::string_view function, std::string_view attribute,
                 std::string value) {
    Attributes filter{{std::string(wire::kFunction), std::string(function)}};
    if (!attribute.empty()) filter[std::string(attribute)] = std::move(value);
    bus_.subscribe(name, std::move(filter));
  }

  void add_office() {
    subscribe(kLoggerOfficeSubscription, wire::kOfficeCommand, wire::kTo,
              std::string(wire::kToLogger));
    subscribe(kRecorderOfficeSubscription, wire::kOfficeCommand, wire::kTo,
              std::string(wire::kToRecorder));
    for (int i = 1; i <= profile_.officials; ++i) {
      officials_.push_back(
          std::make_unique<OfficialState>(draw_official(i, profile_, world_.random())));
      OfficialState& official = *officials_.back();
      subscribe(answer_subscription(official), wire::kOfficeAnswer, wire::kOfficeId,
                official.office_id);
      add(fmt::format("office-{}", i),
          [this, &official](Process& process) { run_official(around_, process, official); });
    }
    if (profile_.redis_clock_steps_back) {
      world_.after(time_of_clock_step(), [this] {
        const auto back = std::chrono::duration_cast<milliseconds>(
            world_.random().between(microseconds(0), microseconds(kMostClockStep)));
        const bool is_all = world_.random().chance(0.5);
        const auto& servers = redis_.servers();
        for (std::size_t i = 0; i < (is_all ? servers.size() : 1); ++i)
          servers[i]->set_clock(-back);
        if (world_.is_traced()) world_.trace("FAULT: the clock of redis is set back");
      });
    }
  }

  // Preferably soon after the closing time.
  std::chrono::nanoseconds time_of_clock_step() {
    constexpr seconds kSoon{5};
    const auto& closes = electorate_.definition().closes;
    if (!closes || world_.random().chance(0.3))
      return world_.random().between(microseconds(0), profile_.faults_end);
    return WallTime(milliseconds(closes->utc_ms)) - world_.wall_now() +
           world_.random().between(microseconds(0), microseconds(kSoon));
  }

  MachineState& add_state(std::int64_t id) {
    subscribe(result_subscription(id), wire::kResult, wire::kMachineId, std::to_string(id));
    machines_.push_back(
        std::make_unique<MachineState>(MachineState{.id = id,
                                                    .votes = profile_.votes,
                                                    .seed = world_.random().next(),
                                                    .disk = SimulatedDisk(world_, profile_)}));
    return *machines_.back();
  }

  void add_machine(std::int64_t id) {
    MachineState& state = add_state(id);
    Slot& slot = add(fmt::format("machine-{}", id), [this, &state](Process& process) {
      state.is_done = false;
      run_machine(around_, process, state);
    });
    slot.on_end = [this, &state] {
      if (world_.random().chance(kPowerCut)) state.disk.power_cut();
    };
  }

  void add_original(std::int64_t id) {
    MachineState& state = add_state(id);
    add(fmt::format("original-{}", id), [this, &state](Process& process) {
      run_original_machine(around_, process, state);
    }).is_sheltered = true;
  }

  void start(Slot& slot) {
    if (slot.process) ended_.push_back(std::move(slot.process));
    slot.process = std::make_unique<Process>(world_, fmt::format("{}.{}", slot.name, ++slot.lives));
    slot.process->is_sheltered = slot.is_sheltered;
    slot.keys = ring_.step();
    if (profile_.clocks_differ && !slot.name.starts_with("office")) {
      constexpr std::chrono::hours kDifference{1};
      slot.process->clock_ahead = kDifference * world_.random().between(-1, 1);
    }
    slot.process->on_end = [this, &slot] {
      slot.on_end();
      world_.after(world_.random().between(milliseconds(10), milliseconds(kMostRestart)),
                   [this, &slot] { start(slot); });
    };
    slot.run(*slot.process);
  }

  std::vector<Server*> servers() {
    std::vector<Server*> all = {&bus_.server(), &postgres_.server()};
    for (const auto& redis : redis_.servers()) all.push_back(&redis->server());
    return all;
  }

  std::vector<Process*> living() {
    std::vector<Process*> all;
    for (Slot& slot : slots_) {
      if (slot.process->is_alive()) all.push_back(slot.process.get());
    }
    return all;
  }

  SteadyTime heal() {
    if (world_.is_traced()) world_.trace("all faults are healed");
    profile_.heal();
    return chaos_.heal();
  }

  bool all_answered() const {
    return std::ranges::all_of(machines_, [](const auto& state) { return state->is_done; });
  }

  bool all_certified() const {
    return std::ranges::all_of(officials_,
                               [](const auto& official) { return official->is_done(); });
  }

  const Mutant& mutant_;
  World world_;
  Profile profile_;
  const Profile drawn_;
  Evidence evidence_;
  KeyRing ring_{profile_.has_keys};
  const Electorate electorate_{profile_, world_.wall_now()};
  Network network_{world_, profile_};
  SimulatedBus bus_{world_, profile_, network_, evidence_, mutant_};
  SimulatedRegister redis_{world_, profile_, network_, mutant_};
  SimulatedPostgres postgres_{world_, profile_, network_, mutant_};
  // Shared by all processes: nobody reads it, and it is slow to make.
  prometheus::Registry metrics_;
  Chaos chaos_;
  Surroundings around_{world_,
                       profile_,
                       bus_,
                       redis_,
                       postgres_,
                       evidence_,
                       simulation_keys(),
                       ring_,
                       electorate_,
                       metrics_,
                       [this](std::string_view place) { return chaos_.reached(place); },
                       mutant_};
  std::vector<std::unique_ptr<MachineState>> machines_;
  std::vector<std::unique_ptr<OfficialState>> officials_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Process>> ended_;  // leases still refer to them
};

}  // namespace

const Keys& simulation_keys() {
  static const Keys keys{.logger = *HashKey::parse(std::string(64, '1')),
                         .pseudonyms = *HashKey::parse(std::string(64, '3'))};
  return keys;
}

SimulatedElection simulate(std::uint64_t seed, const Mutant& mutant, bool is_traced) {
  return Election(seed, mutant, is_traced).run();
}

}  // namespace pollbus::faults
