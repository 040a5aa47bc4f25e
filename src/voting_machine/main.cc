// voting-machine: casts random votes and waits for the answer to each.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <iostream>

#include "base/status.h"
#include "voting_machine/machine_metrics.h"
#include "voting_machine/machine_settings.h"
#include "voting_machine/prompt.h"
#include "voting_machine/report.h"
#include "voting_machine/vote_client_threads.h"
#include "voting_machine/vote_printer.h"

namespace pollbus::voting_machine {
namespace {

constexpr int kExitPending = 1;
constexpr int kExitNoId = 2;
constexpr int kExitOutputClosed = 3;
// After a stop, how long to wait for the answers to votes in flight.
constexpr std::chrono::milliseconds kStopGrace{2'000};

bool ask_for_missing_ids(MachineSettings& settings) {
  for (auto [id, name, how] :
       {std::tuple(&settings.election, "election", "--election or ELECTION_ID"),
        std::tuple(&settings.machine, "machine", "--machine or MACHINE_ID")}) {
    if (!*id) *id = ask_for_id(std::cin, std::cout, name);
    if (*id) continue;
    std::cerr << fmt::format("\nvoting-machine: standard input ended before the {} ID; set {}\n",
                             name, how);
    return false;
  }
  return true;
}

absl::StatusOr<int> run(const MachineSettings& settings) {
  Service service("voting-machine", settings.service);
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(const auto journal, Journal::open(settings.journal_path()));
  const WorkerConfig config = settings.worker_config();
  ASSIGN_OR_RETURN(const auto worker, Worker::open(config, service));
  RETURN_IF_ERROR(worker->prepare());
  RETURN_IF_ERROR(
      claim_journal(*journal, settings.journal_owner(worker->identity()), settings.leftover()));

  VoteClient client({.journal = *journal,
                     .bus = worker->intake_parts(),
                     .clock = service.clock(),
                     .metrics = service.metrics()},
                    *settings.machine);
  const Load load = settings.load();
  LoadGenerator generator(client, service.clock(), load, settings.voter());
  TallyKeeper tally(service.clock());
  std::atomic<bool> is_output_closed = false;
  VotePrinter printer(std::cout,
                      settings.show_votes || isatty(STDOUT_FILENO) != 0 ? VotePrinter::Show::kVotes
                                                                        : VotePrinter::Show::kUuids,
                      [&] {
                        is_output_closed = true;
                        service.shutdown().request();
                      });
  client.add_observer(tally);
  client.add_observer(generator);
  if (settings.prints_each_vote()) client.add_observer(printer);

  VoteClientThreads threads(client, [&] { service.shutdown().request(); });
  RETURN_IF_ERROR(worker->start(
      [&](auto batch, auto stop) { return client.on_results(batch, std::move(stop)); }));
  if (settings.prints_each_vote()) {
    printer.print(fmt::format("Listening for messages on {}..\n",
                              config.bus.subscription_path(config.subscription)));
  }
  absl::Status status;
  {
    const auto metrics = keep_metrics(tally, service.metrics(), service.clock());
    const bool shows_progress = !settings.prints_each_vote() && isatty(STDERR_FILENO) != 0;
    const auto progress =
        shows_progress ? show_progress(tally, load, service.clock()) : std::jthread();
    status = generator.run(service.stop_token());
  }
  const bool is_stopped = service.stop_token().stop_requested();
  if (is_stopped) client.wait_for_answers(service.clock().now() + kStopGrace);
  service.shutdown().request();
  worker->wait_and_drain();
  RETURN_IF_ERROR(threads.stop());
  RETURN_IF_ERROR(status);

  const Tally votes = tally.tally();
  if (votes.pending() > 0) {
    log_warning("votes without an answer stay in the journal; the next start publishes them again",
                {{"votes", votes.pending()}, {"journal", journal->name()}});
  }
  RETURN_IF_ERROR(write_summary(settings.summary, load, votes));
  if (is_output_closed) {
    log_error("ended because standard output can no longer be written to");
    return kExitOutputClosed;
  }
  // Pending votes are not an error if the program was asked to stop.
  return votes.pending() > 0 && !is_stopped ? kExitPending : 0;
}

}  // namespace
}  // namespace pollbus::voting_machine

int main(int argc, char** argv) {
  using namespace pollbus;
  voting_machine::MachineSettings machine;
  Settings settings("voting-machine",
                    "Casts random votes on the bus and waits for the answer to each.");
  machine.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(machine.service)) return *code;
  if (!voting_machine::ask_for_missing_ids(machine)) return voting_machine::kExitNoId;
  const auto code = voting_machine::run(machine);
  if (const int error = exit_code(code.status()); error != 0 || !code.ok()) return error;
  return *code;
}
