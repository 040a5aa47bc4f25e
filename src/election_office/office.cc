#include "election_office/office.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <iostream>

#include "base/status.h"
#include "base/text.h"
#include "election/message_keys.h"
#include "election/vote.h"

namespace pollbus::election_office {
namespace {

// Without a key, every answer is believed, as the services believe everything without keys.
std::function<bool(const ReceivedMessage&)> authenticity(const std::optional<RotatingKey>& key) {
  if (!key) return [](const ReceivedMessage&) { return true; };
  return [key = *key](const ReceivedMessage& message) {
    return is_authentic_office_answer(key, message);
  };
}

}  // namespace

absl::StatusOr<Desk*> Office::desk() {
  if (desk_) return &*desk_;
  ASSIGN_OR_RETURN(key_, folder_.read_key());
  if (!services_) {
    // Interrupted, the tool still deletes its subscription.
    shutdown_.emplace();
    auto services = BusServices::open({.bus = options_.bus,
                                       .topic = options_.topic,
                                       .timeout = options_.timeout,
                                       .is_authentic = authenticity(options_.result_keys),
                                       .stop = stop()},
                                      *key_, clock_);
    if (!services.ok()) return annotate(services.status(), "the bus cannot be used");
    services_ = *std::move(services);
  }
  desk_.emplace(*services_, *key_, clock_);
  return &*desk_;
}

absl::StatusOr<std::vector<std::int64_t>> Office::chosen_elections() {
  std::vector<std::int64_t> chosen;
  for (const std::string& text : options_.elections) {
    const auto number = parse_integer(text);
    if (!number || *number < 0 || *number > kMaxId) {
      return absl::InvalidArgumentError(
          fmt::format("--election: expected the number of an election, got \"{}\"", text));
    }
    chosen.push_back(*number);
  }
  if (!chosen.empty()) return chosen;
  if (!options_.event.empty()) return elections_of(options_.event);
  ASSIGN_OR_RETURN(Desk * desk, this->desk());
  ASSIGN_OR_RETURN(chosen, desk->elections());
  if (chosen.empty()) {
    return absl::FailedPreconditionError(
        "no election is defined yet: election-office define FILE defines one");
  }
  if (chosen.size() == 1 || options_.all) return chosen;
  return absl::InvalidArgumentError(
      fmt::format("several elections are defined ({}): name one with --election, those of one day "
                  "with --event, or "
                  "take --all",
                  fmt::join(chosen, ", ")));
}

absl::StatusOr<std::vector<std::int64_t>> Office::elections_of(const std::string& event) {
  ASSIGN_OR_RETURN(Desk * desk, this->desk());
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> defined, desk->elections());
  std::vector<std::int64_t> found;
  for (const std::int64_t election : defined) {
    ASSIGN_OR_RETURN(const Record record, desk->read_defined(election));
    if (record.state->definition.event == event) found.push_back(election);
  }
  if (!found.empty()) return found;
  return absl::NotFoundError(
      fmt::format("no election of the event \"{}\" is defined: election-office status shows the "
                  "elections",
                  event));
}

bool Office::confirms(const std::string& question) const {
  if (options_.yes || options_.json || isatty(STDIN_FILENO) != 1) return true;
  std::cout << question << " Type yes to go on: " << std::flush;
  constexpr int kLookForStopMs = 200;
  pollfd terminal{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (poll(&terminal, 1, kLookForStopMs) <= 0) {
    if (stop().stop_requested()) return false;
  }
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

absl::StatusOr<std::vector<std::int64_t>> Office::chosen_or_all_elections() {
  options_.all = true;
  return chosen_elections();
}

Outcome for_each_election(Office& office,
                          const std::function<absl::StatusOr<Report>(Desk&, std::int64_t)>& work) {
  const auto elections = office.chosen_elections();
  if (!elections.ok()) return {.error = elections.status()};
  const auto desk = office.desk();
  if (!desk.ok()) return {.error = desk.status()};
  Outcome outcome;
  for (const std::int64_t election : *elections) {
    auto report = work(**desk, election);
    if (!report.ok()) {
      outcome.error = elections->size() == 1
                          ? report.status()
                          : annotate(report.status(), fmt::format("election {}", election));
      return outcome;
    }
    outcome.reports.push_back(*std::move(report));
  }
  return outcome;
}

Outcome outcome_of(absl::StatusOr<Report> report) {
  if (!report.ok()) return {.error = report.status()};
  return {.reports = {*std::move(report)}};
}

}  // namespace pollbus::election_office
