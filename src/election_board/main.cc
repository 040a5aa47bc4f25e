// election-board: pages with turnout, results, tracking codes and downloads for everybody.
#include <fmt/format.h>

#include "base/dependency.h"
#include "base/health_check.h"
#include "base/http_server.h"
#include "base/service.h"
#include "base/status.h"
#include "base/text.h"
#include "election_board/look_up.h"
#include "election_board/problem_log.h"
#include "election_board/site.h"
#include "stores/results_reader.h"

namespace pollbus::election_board {
namespace {

constexpr std::chrono::milliseconds kReadInterval{1'000};
constexpr std::chrono::milliseconds kLookUpTimeout{1'000};
constexpr std::size_t kMaxViewers = 1'500;  // connections at the same moment
constexpr std::chrono::seconds kKept{10};   // pages ask once a second
constexpr std::size_t kMaxStreams = 100;    // pages of halls, which keep their connection

struct BoardSettings {
  ServiceSettings service;
  PostgresConfig postgres;
  std::string listen = "127.0.0.1:8090";
  std::string office_public_key;

  void add_to(Settings& settings) {
    settings.text(
        {"listen", "BOARD_LISTEN", "HOST:PORT", "Where to serve the pages; port 0 chooses one"},
        &listen, [](const std::string& text) -> std::optional<std::string> {
          if (parse_host_and_port(text, 0)) return std::nullopt;
          return "expected HOST:PORT";
        });
    settings.text({"office-public-key", "OFFICE_PUBLIC_KEY", "HEX",
                   "The election office's public key; without it, signatures are not checked"},
                  &office_public_key, [](const std::string& text) -> std::optional<std::string> {
                    return text.empty() ? std::nullopt : OfficePublicKey::check(text);
                  });
    postgres.add_to(settings);
    service.add_to(settings);
  }
};

absl::StatusOr<std::optional<OfficePublicKey>> office_key(const std::string& hex) {
  if (hex.empty()) {
    log_warning("no key of the election office, so signatures of events are not checked",
                {{"setting", "OFFICE_PUBLIC_KEY"}});
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(OfficePublicKey key, OfficePublicKey::parse(hex));
  return key;
}

absl::Status run(const BoardSettings& settings) {
  Service service("election-board", settings.service);
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(const auto office, office_key(settings.office_public_key));

  PostgresConfig quick = settings.postgres;
  quick.statement_timeout = kLookUpTimeout;
  quick.connect_timeout = std::chrono::ceil<std::chrono::seconds>(kLookUpTimeout);
  ReceiptLookUp look_up(make_postgres_results_reader(quick), service.clock());
  Site site([&](std::string_view prefix) { return look_up.find(prefix); });

  Dependency postgres("postgres",
                      fmt::format("{}:{}", settings.postgres.host, settings.postgres.port),
                      service.clock(), service.readiness(), service.metrics());
  const auto reader = make_postgres_results_reader(settings.postgres);
  SnapshotBuilder builder(office);
  ProblemLog problems(service.metrics());

  const auto address = parse_host_and_port(settings.listen, 0);
  ASSIGN_OR_RETURN(
      const auto server,
      HttpServer::start(
          address->host, address->port,
          [&](const HttpRequest& request) { return site.respond(request); },
          {.max_connections = kMaxViewers, .max_streams = kMaxStreams, .kept_for = kKept}));
  const auto reading = postgres.watch(kReadInterval, [&]() -> absl::Status {
    const auto counts = reader->read(builder.known());
    std::vector<Site::News> news;
    if (counts.ok()) {
      const auto snapshot = builder.update(*counts);
      problems.update(*snapshot);
      news = site.show(snapshot);
    } else {
      news = site.show_trouble();
    }
    for (const auto& [channel, bytes] : news) server->broadcast(channel, bytes);
    return counts.status();
  });
  log_info("serving pages",
           {{"address", "http://" + format_host_and_port(address->host, server->port())}});
  service.shutdown().wait();
  return absl::OkStatus();
}

}  // namespace
}  // namespace pollbus::election_board

int main(int argc, char** argv) {
  using namespace pollbus;
  election_board::BoardSettings board;
  Settings settings("election-board",
                    "Shows turnout, results and tracking codes of elections: PostgreSQL in, web "
                    "pages out. Reads only what everybody may know.");
  board.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(board.service)) return *code;
  return exit_code(election_board::run(board));
}
