// voting-machine: casts random votes, or one person's vote, and waits for the answer to each; or
// serves the page on which people vote.
#include <fmt/format.h>

#include <iostream>

#include "base/status.h"
#include "voting_machine/defined_election.h"
#include "voting_machine/kiosk_run.h"
#include "voting_machine/machine_metrics.h"
#include "voting_machine/machine_settings.h"
#include "voting_machine/prompt.h"
#include "voting_machine/report.h"
#include "voting_machine/vote_client_threads.h"
#include "voting_machine/vote_printer.h"

namespace pollbus::voting_machine {
namespace {

absl::StatusOr<int> run(const MachineSettings& settings) {
  Service service("voting-machine", settings.service);
  RETURN_IF_ERROR(service.start_http());
  const MachineKeys keys = settings.keys.machine_keys();
  if (keys.empty()) log_warning(kNoKeysWarning);
  ASSIGN_OR_RETURN(const auto journal, Journal::open(settings.journal_path()));
  const WorkerConfig config = settings.worker_config();
  ASSIGN_OR_RETURN(const auto worker, Worker::open(config, service));
  RETURN_IF_ERROR(worker->prepare());
  const JournalOwner owner = settings.journal_owner(worker->identity());
  RETURN_IF_ERROR(claim_journal(*journal, owner, settings.leftover()));

  DefinedElection defined(settings, worker->publisher(), service.clock(), keys);
  VoteClient client(
      {.journal = *journal,
       .bus = worker->outbox_parts(),
       .clock = service.clock(),
       .readiness = service.readiness(),
       .metrics = service.metrics(),
       .keys = keys,
       .other_answers = [&](const ReceivedMessage& message) { return defined.take(message); }},
      *settings.machine);
  const Load load = settings.load();
  Voter voter;
  LoadGenerator generator(client, service.clock(), load,
                          [&](auto... vote) { return voter(vote...); });
  TallyKeeper tally(service.clock());
  VotePrinter printer(std::cout, settings.show(), [&] { service.shutdown().request(); });
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
  auto metrics = keep_metrics(tally, service.metrics(), service.clock());
  auto progress =
      settings.prints_each_vote() ? std::jthread() : show_progress(tally, load, service.clock());
  absl::Status status = defined.choose_voter(std::cin, std::cout, service.stop_token(), &voter);
  if (status.ok()) status = generator.run(service.stop_token());
  const bool is_stopped = service.stop_token().stop_requested();
  if (is_stopped) threads.wait_for_last_answers(service.clock().now());
  service.shutdown().request();
  worker->wait_and_drain();
  progress = {};
  RETURN_IF_ERROR(threads.stop());
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(report_end(tally.tally(), load, settings.summary, journal->name()));
  return exit_code_for(tally.tally(), is_stopped, printer.is_closed());
}

}  // namespace
}  // namespace pollbus::voting_machine

int main(int argc, char** argv) {
  using namespace pollbus;
  voting_machine::MachineSettings machine;
  Settings settings("voting-machine",
                    "Casts random votes, or one person's vote, on the bus and waits for the answer "
                    "to each; or serves the page on which people vote.");
  machine.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(machine.service)) return *code;
  if (!voting_machine::ask_for_missing_ids(machine.kiosk.empty(), machine.election,
                                           machine.machine))
    return voting_machine::kExitNoId;
  const auto code =
      machine.kiosk.empty() ? voting_machine::run(machine) : voting_machine::run_kiosk(machine);
  if (const int error = exit_code(code.status()); error != 0 || !code.ok()) return error;
  return *code;
}
