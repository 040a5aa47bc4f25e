#include "voting_machine/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/logging.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{500};

double percentile_ms(const Tally& tally, double percent) {
  return static_cast<double>(tally.latency.percentile(percent).count()) / 1'000;
}

}  // namespace

std::string to_json(const Load& load, const Tally& tally) {
  const nlohmann::ordered_json json{
      {"election", load.election},
      {"machine", load.machine},
      {"sent", tally.sent},
      {"recovered", tally.recovered},
      {"successful", tally.successful},
      {"already_voted", tally.already_voted},
      {"rejected", tally.rejected},
      {"pending", tally.pending()},
      {"timed_out", tally.timed_out},
      {"unknown_results", tally.unknown_results},
      {"started_ms", unix_ms(tally.started)},
      {"finished_ms", unix_ms(tally.finished)},
      {"votes_per_second", tally.votes_per_second()},
      {"latency_ms",
       {{"p50", percentile_ms(tally, 50)},
        {"p95", percentile_ms(tally, 95)},
        {"p99", percentile_ms(tally, 99)}}},
      {"latency_histogram_us", tally.latency.buckets()},
  };
  return json.dump();
}

absl::Status report_end(const Tally& tally, const Load& load, const std::string& summary,
                        const std::string& journal) {
  if (tally.pending() > 0) {
    log_warning("votes without an answer stay in the journal; the next start publishes them again",
                {{"votes", tally.pending()}, {"journal", journal}});
  }
  if (summary.empty()) return absl::OkStatus();
  std::ofstream file(summary);
  file << to_json(load, tally) << "\n";
  file.close();
  if (!file) return absl::UnavailableError("cannot write the summary to " + summary);
  return absl::OkStatus();
}

int exit_code_for(const Tally& tally, bool is_stopped, bool is_output_closed) {
  if (is_output_closed) {
    log_error("ended because nothing can be written to standard output any more");
    return kExitOutputClosed;
  }
  return tally.pending() > 0 && !is_stopped ? kExitPending : 0;
}

std::string to_progress(const Load& load, const Tally& tally) {
  return fmt::format(
      "machine {}: {}{} sent, {} answered, {} pending, {:.0f} votes/s, p50 {:.1f} p95 {:.1f} p99 "
      "{:.1f} ms",
      load.machine, tally.sent, load.votes ? fmt::format(" of {}", *load.votes) : "",
      tally.answered(), tally.pending(), tally.votes_per_second(), percentile_ms(tally, 50),
      percentile_ms(tally, 95), percentile_ms(tally, 99));
}

std::jthread show_progress(const TallyKeeper& tally, const Load& load, Clock& clock) {
  if (isatty(STDERR_FILENO) == 0) return {};
  return std::jthread([&tally, load, &clock](std::stop_token stop) {
    while (clock.pause(kProgressInterval, stop))
      std::cerr << "\r\033[K" << to_progress(load, tally.tally()) << std::flush;
    std::cerr << "\r\033[K" << to_progress(load, tally.tally()) << std::endl;
  });
}

}  // namespace pollbus::voting_machine
