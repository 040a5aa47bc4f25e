#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/settings.h"
#include "run.h"

namespace pollbus::bench {
namespace {

constexpr std::int64_t kMaxSubscriptions = 100'000;

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && number <= kMaxSubscriptions ? number : 0;
}

double ms(std::chrono::microseconds us) { return static_cast<double>(us.count()) / 1'000; }

// False when it could not be run.
bool report(const Plan& plan, std::optional<double>* first) {
  const auto outcome = run(plan);
  if (!outcome.ok()) {
    fmt::print("{:<22} {:>7} {}\n", plan.target, plan.subscriptions, outcome.status().ToString());
    return false;
  }
  if (!*first) *first = outcome->received_per_s;
  fmt::print(
      "{:<22} {:>7} {:>6} {:>11.0f} {:>11.0f} {:>8.2f} {:>8.2f} {:>8.2f} {:>7.2f} {:>6.2f}\n",
      plan.target, plan.subscriptions, plan.bytes, outcome->published_per_s,
      outcome->received_per_s, ms(outcome->p50), ms(outcome->p95), ms(outcome->p99),
      outcome->set_up_s, **first > 0 ? outcome->received_per_s / **first : 0.0);
  if (outcome->failed > 0) fmt::print("  {} failed: {}\n", outcome->failed, outcome->failure);
  std::fflush(stdout);
  return outcome->failed == 0;
}

}  // namespace
}  // namespace pollbus::bench

int main(int argc, char** argv) {
  using namespace pollbus;
  bench::Plan plan;
  std::vector<std::string> targets{"127.0.0.1:8085"};
  std::vector<std::string> subscriptions{"1"};
  std::int64_t seconds = plan.measured.count();
  Settings settings("pubsub-load",
                    "Publishes to, receives from and acks at Pub/Sub servers, and says how fast.\n"
                    "One line a server and number of subscriptions; the ratio is to the first.");
  settings.texts({"target", "", "HOST:PORT", "A server; several are measured one after the other"},
                 &targets, check_host_and_port);
  settings.texts({"subscriptions", "", "N", "How many, each with a machine's filter; 1: no filter"},
                 &subscriptions, [](const std::string& value) -> std::optional<std::string> {
                   if (bench::number_of(value) > 0) return std::nullopt;
                   return "expected a number from 1 to 100000";
                 });
  settings.integer({"active", "", "N", "So many of them get messages; 0: all"}, &plan.active, 0);
  settings.integer({"bytes", "", "B", "Payload of a message"}, &plan.bytes, 8, 1'000'000);
  settings.integer({"batch", "", "M", "Messages a publish"}, &plan.batch, 1, 1'000);
  settings.integer({"publishes", "", "P", "Publishes under way at once"}, &plan.publishes, 1, 256);
  settings.integer({"rate", "", "R", "Messages a second; 0: as fast as it goes"}, &plan.rate);
  settings.integer({"seconds", "", "S", "How long is measured, after 2 seconds"}, &seconds, 1);
  if (const auto exit_code = settings.parse_or_exit_code(argc, argv)) return *exit_code;
  plan.measured = std::chrono::seconds(seconds);
  fmt::print("{:<22} {:>7} {:>6} {:>11} {:>11} {:>8} {:>8} {:>8} {:>7} {:>6}\n", "server", "subs",
             "bytes", "published/s", "received/s", "p50 ms", "p95 ms", "p99 ms", "setup s",
             "ratio");
  bool all_ran = true;
  for (const std::string& count : subscriptions) {
    plan.subscriptions = bench::number_of(count);
    std::optional<double> first;
    for (const std::string& target : targets) {
      plan.target = target;
      all_ran = bench::report(plan, &first) && all_ran;
    }
  }
  return all_ran ? 0 : 1;
}
