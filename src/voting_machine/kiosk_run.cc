#include "voting_machine/kiosk_run.h"

#include <fmt/format.h>

#include <chrono>

#include "base/status.h"
#include "base/text.h"
#include "voting_machine/election_guide.h"
#include "voting_machine/kiosk.h"
#include "voting_machine/kiosk_server.h"
#include "voting_machine/machine_metrics.h"
#include "voting_machine/tally.h"
#include "voting_machine/vote_client_threads.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::chrono::seconds kTick{1};

}  // namespace

absl::StatusOr<int> run_kiosk(const MachineSettings& settings) {
  Service service("voting-machine", settings.service);
  const auto address = parse_host_and_port(settings.kiosk);
  ASSIGN_OR_RETURN(const auto office, OfficePublicKey::parse(settings.office_public_key));
  const MachineKeys keys = settings.keys.machine_keys();
  if (keys.empty()) log_warning(kNoKeysWarning);
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(const auto journal, Journal::open(settings.journal_path()));
  ASSIGN_OR_RETURN(const auto worker, Worker::open(settings.worker_config(), service));
  RETURN_IF_ERROR(worker->prepare());
  RETURN_IF_ERROR(
      claim_journal(*journal, settings.journal_owner(worker->identity()), settings.leftover()));

  ElectionGuide guide(
      {.topic = worker->publisher(), .clock = service.clock(), .office = office, .keys = keys},
      {.event = settings.event, .machine = *settings.machine});
  VoteClient client({.journal = *journal,
                     .bus = worker->outbox_parts(),
                     .clock = service.clock(),
                     .readiness = service.readiness(),
                     .metrics = service.metrics(),
                     .keys = keys,
                     .other_answers = [&](const auto& message) { return guide.take(message); }},
                    *settings.machine);
  const web::Languages languages = kiosk_texts();
  Kiosk kiosk({.client = client,
               .guide = guide,
               .languages = languages,
               .clock = service.clock(),
               .event = settings.event,
               .machine = *settings.machine,
               .record_file = journal->name() + ".last-ballot",
               .can_print = settings.kiosk_print});
  TallyKeeper tally(service.clock());
  client.add_observer(tally);
  client.add_observer(kiosk);
  kiosk.restore();

  // Before anything that would have to be stopped if the address cannot be used.
  ASSIGN_OR_RETURN(auto server, KioskServer::start(address->host, address->port, kiosk, languages));
  VoteClientThreads threads(client, [&] { service.shutdown().request(); });
  RETURN_IF_ERROR(worker->start(
      [&](auto batch, auto stop) { return client.on_results(batch, std::move(stop)); }));
  auto metrics = keep_metrics(tally, service.metrics(), service.clock());
  const std::jthread asking([&](std::stop_token) {
    guide.keep_asking(service.stop_token(), [&] { return kiosk.is_voting(); });
  });
  log_info("the kiosk is open", {{"address", fmt::format("http://{}/", settings.kiosk)}});
  while (service.clock().pause(kTick, service.stop_token())) kiosk.tick();
  server.reset();
  threads.wait_for_last_answers(service.clock().now());
  worker->wait_and_drain();
  RETURN_IF_ERROR(threads.stop());
  return 0;
}

}  // namespace pollbus::voting_machine
