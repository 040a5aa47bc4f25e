// election-sim: whole elections with simulated faults, from seeds.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>

#include "base/logging.h"
#include "base/settings.h"
#include "faults/sim/election.h"

namespace pollbus::faults {
namespace {

constexpr int kExitBroken = 1;
constexpr std::size_t kMaxStories = 3;
constexpr std::size_t kMaxFailuresNamed = 20;
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr std::chrono::milliseconds kProgressLineInterval{10'000};

struct SimulationSettings {
  std::int64_t seeds = 1'000;
  std::int64_t first = 1;
  std::int64_t jobs = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  std::string mutant;
  bool all_mutants = false;
  bool list_mutants = false;
  bool history = false;

  void add_to(Settings& settings) {
    settings.integer({"seeds", "", "N", "How many elections; with --mutants, at most for each"},
                     &seeds, 1);
    settings.integer({"first", "", "SEED", "The first seed; the others follow"}, &first);
    settings.integer({"jobs", "", "N", "Elections at once"}, &jobs, 1, 256);
    settings.text({"mutant", "", "NAME", "Let the services make this mistake"}, &mutant,
                  check_mutants);
    settings.boolean(
        {"mutants", "", "", "Try each mutant until an election finds it; exit 1 if one survives"},
        &all_mutants);
    settings.boolean({"list-mutants", "", "", "Name the mutants"}, &list_mutants);
    settings.boolean({"history", "", "", "Print all that happened, also when nothing is broken"},
                     &history);
  }
};

// Calls `run` for each seed from `first` on, `jobs` at once, until it says to stop or all are done.
void for_each_seed(const SimulationSettings& settings,
                   const std::function<bool(std::uint64_t)>& run) {
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (std::int64_t job = 0; job < std::min(settings.jobs, settings.seeds); ++job) {
    threads.emplace_back([&] {
      while (!stop) {
        const std::int64_t index = next++;
        if (index >= settings.seeds) return;
        if (!run(static_cast<std::uint64_t>(settings.first + index))) stop = true;
      }
    });
  }
}

// How far it is: a line that lives on a terminal, a line now and then in a log.
class Progress {
 public:
  explicit Progress(std::int64_t all) : all_(all) {}

  void done() {
    ++done_;
    const auto now = std::chrono::steady_clock::now();
    const bool is_terminal = isatty(STDERR_FILENO) != 0;
    if (now - shown_ < (is_terminal ? kProgressInterval : kProgressLineInterval)) return;
    shown_ = now;
    std::cerr << (is_terminal ? "\r\033[K" : "") << done_ << " of " << all_ << " elections"
              << (is_terminal ? "" : "\n") << std::flush;
  }
  void clear() const {
    if (isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  const std::int64_t all_;
  std::int64_t done_ = 0;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

std::string replay_command(std::uint64_t seed, const std::string& mutant) {
  return fmt::format("election-sim --first {} --seeds 1 --history{}", seed,
                     mutant.empty() ? "" : " --mutant " + mutant);
}

void print_violations(const SimulatedElection& election) {
  std::size_t stories = 0;
  for (const Violation& violation : election.judgement.violations) {
    std::cout << fmt::format("BROKEN {}: {} {}\n", violation.invariant,
                             violation.uuid.empty() ? "the election:" : violation.uuid,
                             violation.what);
    if (violation.uuid.empty() || ++stories > kMaxStories) continue;
    std::cout << story_of(election.evidence, simulation_keys(), violation.uuid);
  }
}

struct Sums {
  std::int64_t elections = 0;
  std::int64_t votes = 0;
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t timed_out = 0;
  std::int64_t faults = 0;
  std::int64_t poisons = 0;
  std::int64_t simulated_us = 0;
  std::int64_t slowest_us = 0;
  std::uint64_t slowest_seed = 0;
  std::vector<std::uint64_t> failed;

  void add(std::uint64_t seed, const SimulatedElection& election) {
    ++elections;
    votes += election.judgement.votes;
    successful += election.judgement.successful;
    already_voted += election.judgement.already_voted;
    timed_out += election.judgement.timed_out;
    faults += std::ssize(election.evidence.faults);
    poisons += std::ssize(election.evidence.poisons);
    simulated_us += election.simulated_us;
    if (!election.profile.has_twin && election.resolved_after_us > slowest_us) {
      slowest_us = election.resolved_after_us;
      slowest_seed = seed;
    }
    if (!election.judgement.violations.empty()) failed.push_back(seed);
  }
};

void print_sums(const Sums& sums, double seconds) {
  std::cout << fmt::format(
      "{} elections in {:.1f} s ({:.0f} a second; {:.1f} simulated hours): {} votes, {} "
      "successful, {} already voted, {} timed out meanwhile; {} faults, {} bad messages\n"
      "slowest: every vote answered {:.1f} s after the last fault (seed {})\n"
      "{} elections broken\n",
      sums.elections, seconds, static_cast<double>(sums.elections) / seconds,
      static_cast<double>(sums.simulated_us) / 3.6e9, sums.votes, sums.successful,
      sums.already_voted, sums.timed_out, sums.faults, sums.poisons,
      static_cast<double>(sums.slowest_us) / 1e6, sums.slowest_seed, sums.failed.size());
}

// Once more, with all that happens written down: the same seed is the same election.
void print_failures(Sums& sums, const std::string& mutant) {
  if (sums.failed.empty()) return;
  std::ranges::sort(sums.failed);
  const auto first = simulate(sums.failed.front(), mutant_named(mutant), /*is_traced=*/true);
  std::cout << first.history;
  print_violations(first);
  for (std::size_t i = 0; i < std::min(sums.failed.size(), kMaxFailuresNamed); ++i) {
    std::cout << fmt::format("seed {} fails; replay: {}\n", sums.failed[i],
                             replay_command(sums.failed[i], mutant));
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run_seeds(const SimulationSettings& settings) {
  const auto begin = std::chrono::steady_clock::now();
  std::mutex mutex;
  Sums sums;
  Progress progress(settings.seeds);
  for_each_seed(settings, [&](std::uint64_t seed) {
    const SimulatedElection election =
        simulate(seed, mutant_named(settings.mutant), settings.history);
    const std::lock_guard lock(mutex);
    if (settings.history) std::cout << election.history;
    sums.add(seed, election);
    progress.done();
    return true;
  });
  progress.clear();
  const double seconds = seconds_since(begin);
  print_failures(sums, settings.mutant);
  print_sums(sums, seconds);
  return sums.failed.empty() ? 0 : kExitBroken;
}

// The first seed that finds the mutant, and how.
struct Catch {
  std::uint64_t seed = 0;
  std::string invariants;  // that are broken
  std::string what;
};

Catch catch_of(std::uint64_t seed, const std::vector<Violation>& violations) {
  std::set<std::string> invariants;
  for (const Violation& violation : violations) invariants.insert(violation.invariant);
  const Violation& first = violations.front();
  return {seed, fmt::format("{}", fmt::join(invariants, ", ")),
          fmt::format("{}{}", first.uuid.empty() ? "" : "a vote ", first.what)};
}

std::optional<Catch> catch_mutant(const SimulationSettings& settings, Mutant mutant) {
  std::mutex mutex;
  std::optional<Catch> caught;
  for_each_seed(settings, [&](std::uint64_t seed) {
    const SimulatedElection election = simulate(seed, mutant, /*is_traced=*/false);
    const std::lock_guard lock(mutex);
    if (!election.judgement.violations.empty() && (!caught || seed < caught->seed))
      caught = catch_of(seed, election.judgement.violations);
    return !caught;
  });
  return caught;
}

int run_mutants(const SimulationSettings& settings) {
  int survivors = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::cout << fmt::format("{:<28} {:<9} {}\n", "mutant", "by seed", "because");
  for (int i = 0; i < mutant_count(); ++i) {
    const auto mutant = static_cast<Mutant>(i);
    const auto caught = catch_mutant(settings, mutant);
    if (!caught) ++survivors;
    std::cout << (caught ? fmt::format("{:<28} {:<9} {}: {}\n", to_string(mutant), caught->seed,
                                       caught->invariants, caught->what)
                         : fmt::format("{:<28} SURVIVES {} elections\n", to_string(mutant),
                                       settings.seeds))
              << std::flush;
  }
  std::cout << fmt::format("{} of {} mutants caught in {:.1f} s\n", mutant_count() - survivors,
                           mutant_count(), seconds_since(begin));
  return survivors == 0 ? 0 : kExitBroken;
}

void list_mutants() {
  for (int i = 0; i < mutant_count(); ++i) std::cout << to_string(static_cast<Mutant>(i)) << "\n";
}

}  // namespace
}  // namespace pollbus::faults

int main(int argc, char** argv) {
  using namespace pollbus;
  faults::SimulationSettings simulation;
  Settings settings("election-sim",
                    "Runs elections with the services' real code in a simulated world that loses, "
                    "repeats, reorders, delays and crashes, and judges each. Exit 0: every "
                    "invariant holds in each; 1: not.");
  simulation.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  // What the services log of their simulated troubles is nobody's.
  set_up_logging("election-sim", LogFormat::kText, LogLevel::kError);
  if (simulation.list_mutants) {
    faults::list_mutants();
    return 0;
  }
  return simulation.all_mutants ? faults::run_mutants(simulation) : faults::run_seeds(simulation);
}
