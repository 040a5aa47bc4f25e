#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/shutdown.h"
#include "bus/connection.h"
#include "election/authentication.h"
#include "election_office/bus_services.h"
#include "election_office/desk.h"
#include "election_office/office_folder.h"
#include "election_office/report.h"

namespace pollbus::election_office {

// What the command line says, for all commands.
struct Options {
  BusConfig bus;
  std::string topic = "election";
  std::string office = "office";
  std::vector<std::string> elections;
  std::string event;
  bool all = false;
  bool json = false;
  bool yes = false;
  bool dry_run = false;
  bool watch = false;
  std::string out;
  std::string column;
  std::string roll;
  std::string format = "table";
  std::string language = "en";
  Secret result_key;
  Secret previous_result_key;
  std::optional<RotatingKey> result_keys;  // made of these two
  std::chrono::seconds timeout{30};
  std::vector<std::string> arguments;  // what stands after the command

  Format output() const { return json ? Format::kJson : Format::kText; }
};

// What every command works with. The key is read and the bus is connected when a command needs
// them.
class Office {
 public:
  Office(Options options, Clock& clock)
      : options_(std::move(options)), clock_(clock), folder_(options_.office) {}

  const Options& options() const { return options_; }
  OfficeFolder& folder() { return folder_; }
  Clock& clock() { return clock_; }
  // SIGINT or SIGTERM has come since the bus was connected.
  std::stop_token stop() const { return shutdown_ ? shutdown_->token() : std::stop_token(); }

  absl::StatusOr<Desk*> desk();

  // The elections that a command is for: --election, --event, --all, or the only one that is
  // defined.
  absl::StatusOr<std::vector<std::int64_t>> chosen_elections();
  // --election, --event, or all.
  absl::StatusOr<std::vector<std::int64_t>> chosen_or_all_elections();

  // Asks for a "yes" on the terminal. True if the answer is yes, if --yes is given, or if there is
  // no terminal. Ctrl-C means no.
  bool confirms(const std::string& question) const;

  // For tests: commands then ask these services.
  void use(std::unique_ptr<Services> services) { services_ = std::move(services); }

 private:
  absl::StatusOr<std::vector<std::int64_t>> elections_of(const std::string& event);

  Options options_;
  Clock& clock_;
  OfficeFolder folder_;
  std::optional<ShutdownSignal> shutdown_;
  std::optional<OfficePrivateKey> key_;
  std::unique_ptr<Services> services_;
  std::optional<Desk> desk_;
};

// Runs `work` for each chosen election, up to the first error.
Outcome for_each_election(
    Office& office,
    const std::function<absl::StatusOr<Report>(Desk& desk, std::int64_t election)>& work);

Outcome outcome_of(absl::StatusOr<Report> report);

}  // namespace pollbus::election_office
