// election-sim: runs whole elections with simulated faults, each drawn from a seed.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>

#include "base/logging.h"
#include "base/settings.h"
#include "faults/sim/election.h"

namespace pollbus::faults {
namespace {

namespace fs = std::filesystem;

constexpr int kExitBroken = 1;
constexpr std::size_t kMaxStories = 3;
constexpr std::size_t kMaxFailuresNamed = 20;
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr std::chrono::milliseconds kProgressLineInterval{10'000};

std::optional<std::string> check_mutant(const std::string& name) {
  if (mutant_named(name) != nullptr) return std::nullopt;
  return "no mutant is called \"" + name + "\"; --list-mutants lists them";
}

struct SimulationSettings {
  std::int64_t seeds = 1'000;
  std::int64_t first = 1;
  std::int64_t jobs = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  std::string mutant;
  bool until_broken = false;
  bool all_mutants = false;
  bool list_mutants = false;
  bool history = false;

  Mutant chosen_mutant() const {
    const Mutant* const found = mutant_named(mutant);
    return found == nullptr ? Mutant{} : *found;
  }

  void add_to(Settings& settings) {
    settings.integer({"seeds", "", "N", "Number of elections; with --mutants, at most for each"},
                     &seeds, 1, 1'000'000'000);
    settings.integer({"first", "", "SEED", "The first seed; the others follow it"}, &first, 0,
                     1'000'000'000'000);
    settings.integer({"jobs", "", "N", "Number of elections at a time"}, &jobs, 1, 256);
    settings.text({"mutant", "", "NAME", "Let the services make this mistake (--list-mutants)"},
                  &mutant, check_mutant);
    settings.boolean({"until-broken", "", "",
                      "Stop at the first election that breaks an invariant; exit 1 if none does"},
                     &until_broken);
    settings.boolean(
        {"mutants", "", "", "Try each mutant until an election is broken; exit 1 if none is"},
        &all_mutants);
    settings.boolean({"list-mutants", "", "", "List the names of the mutants"}, &list_mutants);
    settings.boolean({"history", "", "", "Print everything that happens in each election"},
                     &history);
  }
};

// Calls `run` for each seed from `first` on, on `jobs` threads, until it returns false or all are
// done.
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

// Shows how many elections are done: one line that is redrawn on a terminal, or a line now and then
// in a log.
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

// Runs the first broken election again to print its history: the same seed gives the same election.
void print_failures(Sums& sums, const SimulationSettings& settings) {
  if (sums.failed.empty()) return;
  std::ranges::sort(sums.failed);
  const auto first = simulate(sums.failed.front(), settings.chosen_mutant(), /*is_traced=*/true);
  std::cout << first.history;
  print_violations(first);
  for (std::size_t i = 0; i < std::min(sums.failed.size(), kMaxFailuresNamed); ++i) {
    std::cout << fmt::format("seed {} fails; replay: {}\n", sums.failed[i],
                             replay_command(sums.failed[i], settings.mutant));
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
  const Mutant mutant = settings.chosen_mutant();
  for_each_seed(settings, [&](std::uint64_t seed) {
    const SimulatedElection election = simulate(seed, mutant, settings.history);
    const std::lock_guard lock(mutex);
    if (settings.history) std::cout << election.history;
    sums.add(seed, election);
    progress.done();
    return true;
  });
  progress.clear();
  const double seconds = seconds_since(begin);
  print_failures(sums, settings);
  print_sums(sums, seconds);
  return sums.failed.empty() ? 0 : kExitBroken;
}

// The first election that is broken.
struct Catch {
  std::uint64_t seed = 0;
  std::string invariants;  // those that are broken
  std::string what;
};

Catch catch_of(std::uint64_t seed, const std::vector<Violation>& violations) {
  std::set<std::string> invariants;
  for (const Violation& violation : violations) invariants.insert(violation.invariant);
  const Violation& first = violations.front();
  return {seed, fmt::format("{}", fmt::join(invariants, ", ")),
          fmt::format("{}{}", first.uuid.empty() ? "" : "a vote ", first.what)};
}

std::optional<Catch> catch_mutant(const SimulationSettings& settings, const Mutant& mutant) {
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

// Prints the line of one mutant. False: no election was broken.
bool print_catch(std::string_view name, const std::optional<Catch>& caught, std::int64_t seeds) {
  std::cout << (caught ? fmt::format("{:<36} {:<9} {}: {}\n", name, caught->seed,
                                     caught->invariants, caught->what)
                       : fmt::format("{:<36} SURVIVES {} elections\n", name, seeds))
            << std::flush;
  return caught.has_value();
}

int run_until_broken(const SimulationSettings& settings, std::string_view name) {
  const auto caught = catch_mutant(settings, settings.chosen_mutant());
  return print_catch(name, caught, settings.seeds) ? 0 : kExitBroken;
}

// The simulators with a patched service (tests/faults/mutants).
std::vector<fs::path> patched_programs() {
  std::vector<fs::path> programs;
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path() / "mutants";
  if (!fs::is_directory(folder)) return programs;
  for (const auto& entry : fs::directory_iterator(folder)) programs.push_back(entry.path());
  std::ranges::sort(programs);
  return programs;
}

bool is_caught(const SimulationSettings& settings, const fs::path& program) {
  const std::string command =
      fmt::format("'{}' --until-broken --first {} --seeds {} --jobs {}", program.string(),
                  settings.first, settings.seeds, settings.jobs);
  return std::system(command.c_str()) == 0;
}

int run_mutants(const SimulationSettings& settings) {
  std::size_t caught = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::cout << fmt::format("{:<36} {:<9} {}\n", "mutant", "by seed", "because") << std::flush;
  for (const Mutant& mutant : mutants())
    caught += print_catch(mutant.name, catch_mutant(settings, mutant), settings.seeds) ? 1 : 0;
  const std::vector<fs::path> programs = patched_programs();
  for (const fs::path& program : programs) caught += is_caught(settings, program) ? 1 : 0;
  const std::size_t all = mutants().size() + programs.size();
  std::cout << fmt::format("{} of {} mutants caught in {:.1f} s\n", caught, all,
                           seconds_since(begin));
  return caught == all ? 0 : kExitBroken;
}

void list_mutants() {
  for (const Mutant& mutant : mutants()) std::cout << mutant.name << "\n";
  for (const fs::path& program : patched_programs())
    std::cout << program.filename().string() << " (a patch)\n";
}

}  // namespace
}  // namespace pollbus::faults

int main(int argc, char** argv) {
  using namespace pollbus;
  faults::SimulationSettings simulation;
  Settings settings("election-sim",
                    "Runs elections with the services' real code in a simulated world that loses, "
                    "repeats, reorders and delays messages and crashes processes, and judges each "
                    "election. Exit 0: every invariant holds in all of them; 1: not.");
  simulation.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  // The services' warnings about simulated faults are of no interest.
  set_up_logging("election-sim", LogFormat::kText, LogLevel::kError);
  if (simulation.list_mutants) {
    faults::list_mutants();
    return 0;
  }
  if (simulation.all_mutants) return faults::run_mutants(simulation);
  if (simulation.until_broken) {
    const std::string program = std::filesystem::path(argv[0]).filename();
    return faults::run_until_broken(simulation,
                                    simulation.mutant.empty() ? program : simulation.mutant);
  }
  return faults::run_seeds(simulation);
}
