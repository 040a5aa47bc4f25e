#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/settings.h"
#include "run.h"

namespace pollbus::bench {
namespace {

constexpr std::int64_t kMaxSubscriptions = 100'000;
constexpr std::int64_t kMaxRuns = 100;

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && number <= kMaxSubscriptions ? number : 0;
}

double ms(std::chrono::microseconds us) { return static_cast<double>(us.count()) / 1'000; }

struct Line {
  std::string target;
  std::int64_t subscriptions = 0;
  Measurement measurement;
};

void print_head() {
  fmt::print("{:<22} {:>6} {:>6} {:>5} {:>11} {:>11} {:>8} {:>8} {:>8} {:>7} {:>6} {:>6}\n",
             "server", "subs", "active", "bytes", "published/s", "received/s", "p50 ms", "p95 ms",
             "p99 ms", "setup s", "ratio", "share");
}

// `ratio` compares with the first server that has as many subscriptions, `share` with this server's
// first number of subscriptions.
void print(const Plan& plan, const Line& line, const std::vector<Line>& before) {
  const auto of = [&](auto is_reference) {
    const auto found = std::ranges::find_if(before, is_reference);
    const double reference =
        found == before.end() ? line.measurement.received_per_s : found->measurement.received_per_s;
    return reference > 0 ? line.measurement.received_per_s / reference : 0;
  };
  const std::int64_t active =
      plan.active == 0 ? line.subscriptions : std::min(plan.active, line.subscriptions);
  fmt::print(
      "{:<22} {:>6} {:>6} {:>5} {:>11.0f} {:>11.0f} {:>8.2f} {:>8.2f} {:>8.2f} {:>7.2f} {:>6.2f} "
      "{:>6.2f}\n",
      line.target, line.subscriptions, active, plan.bytes, line.measurement.published_per_s,
      line.measurement.received_per_s, ms(line.measurement.p50), ms(line.measurement.p95),
      ms(line.measurement.p99), line.measurement.set_up_s,
      of([&](const Line& one) { return one.subscriptions == line.subscriptions; }),
      of([&](const Line& one) { return one.target == line.target; }));
  if (line.measurement.failed > 0) {
    fmt::print("  {} failed: {}\n", line.measurement.failed, line.measurement.failure);
  }
  std::fflush(stdout);
}

// The median run of each server and number of subscriptions, in the order of the first round.
std::vector<Line> medians(const std::vector<Line>& lines, std::size_t per_round) {
  std::vector<Line> found;
  for (std::size_t i = 0; i < per_round; ++i) {
    std::vector<Line> runs;
    for (std::size_t at = i; at < lines.size(); at += per_round) runs.push_back(lines[at]);
    std::ranges::sort(runs, {}, [](const Line& line) { return line.measurement.received_per_s; });
    found.push_back(runs[runs.size() / 2]);
  }
  return found;
}

// Returns false when a run failed or could not be started.
bool run_all(Plan plan, const std::vector<std::string>& targets,
             const std::vector<std::string>& subscriptions, std::int64_t runs) {
  bool is_good = true;
  std::vector<Line> lines;
  print_head();
  for (std::int64_t i = 0; i < runs; ++i) {
    const std::size_t round = lines.size();
    for (const std::string& count : subscriptions) {
      for (const std::string& target : targets) {
        plan.target = target;
        plan.subscriptions = number_of(count);
        auto measurement = run(plan);
        if (!measurement.ok()) {
          fmt::print("{:<22} {:>6} {}\n", target, count, measurement.status().ToString());
          return false;
        }
        is_good = is_good && measurement->failed == 0;
        Line line{target, plan.subscriptions, *std::move(measurement)};
        print(plan, line, {lines.begin() + static_cast<std::ptrdiff_t>(round), lines.end()});
        lines.push_back(std::move(line));
      }
    }
  }
  if (runs == 1) return is_good;
  fmt::print("\nmedian of {} runs\n", runs);
  std::vector<Line> before;
  for (const Line& line : medians(lines, targets.size() * subscriptions.size())) {
    print(plan, line, before);
    before.push_back(line);
  }
  return is_good;
}

bool run_backlog(const Plan& plan, std::int64_t fill_with, std::int64_t drain_of) {
  if (fill_with > 0) {
    const auto seconds = fill(plan, fill_with);
    if (!seconds.ok()) {
      fmt::print("{} {}\n", plan.target, seconds.status().ToString());
      return false;
    }
    fmt::print("{} published and left there in {:.1f} s\n", fill_with, *seconds);
    return true;
  }
  const auto measurement = drain(plan, drain_of);
  fmt::print("{} received, {:.0f} a second\n", drain_of - measurement->failed,
             measurement->received_per_s);
  return measurement->failed == 0;
}

}  // namespace
}  // namespace pollbus::bench

int main(int argc, char** argv) {
  using namespace pollbus;
  bench::Plan plan;
  std::vector<std::string> targets{"127.0.0.1:8085"};
  std::vector<std::string> subscriptions{"1"};
  std::int64_t seconds = plan.measured.count();
  std::int64_t runs = 1;
  std::int64_t fill_with = 0;
  std::int64_t drain_of = 0;
  Settings settings("pubsub-load",
                    "Measures how fast Pub/Sub servers publish and deliver messages.\n"
                    "Prints one line per server and number of subscriptions. `ratio` compares with "
                    "the first server,\n"
                    "`share` to the first number of subscriptions.");
  settings.texts({"target", "", "HOST:PORT", "A server to measure; may be given several times"},
                 &targets, check_host_and_port);
  settings.texts({"subscriptions", "", "N",
                  "How many, each with a machine's filter; several are "
                  "measured one after the other"},
                 &subscriptions, [](const std::string& value) -> std::optional<std::string> {
                   if (bench::number_of(value) > 0) return std::nullopt;
                   return "expected a number from 1 to 100000";
                 });
  settings.integer({"active", "", "N",
                    "How many subscriptions receive messages, each on its own stream; 0 means all"},
                   &plan.active, 0, 1'000'000);
  settings.integer({"bytes", "", "B", "Payload of a message"}, &plan.bytes, 8, 1'000'000);
  settings.integer({"batch", "", "M", "Messages per publish"}, &plan.batch, 1, 1'000);
  settings.integer({"publishes", "", "P", "Publishes that run at the same time"}, &plan.publishes,
                   1, 256);
  settings.integer({"creators", "", "C", "Subscriptions that are created at the same time"},
                   &plan.creators, 1, 256);
  settings.integer({"rate", "", "R", "Messages per second; 0 means as fast as possible"},
                   &plan.rate, 0, 100'000'000);
  settings.integer({"seconds", "", "S", "How long to measure, after 2 seconds without measuring"},
                   &seconds, 1, 86'400);
  settings.integer({"runs", "", "N", "Measure everything N times, and print the medians"}, &runs, 1,
                   bench::kMaxRuns);
  settings.integer(
      {"fill", "", "N",
       "Publish N messages to one subscription and leave them there, instead of measuring"},
      &fill_with, 0, 1'000'000'000);
  settings.integer({"drain", "", "N", "Receive and ack the messages that --fill N has left"},
                   &drain_of, 0, 1'000'000'000);
  if (const auto exit_code = settings.parse_or_exit_code(argc, argv)) return *exit_code;
  plan.measured = std::chrono::seconds(seconds);
  if (fill_with == 0 && drain_of == 0) {
    return bench::run_all(plan, targets, subscriptions, runs) ? 0 : 1;
  }
  plan.target = targets.front();
  plan.max_ahead = std::max(fill_with, plan.max_ahead);
  return bench::run_backlog(plan, fill_with, drain_of) ? 0 : 1;
}
