#include "voting_machine/defined_election.h"

#include <fmt/format.h>

#include <chrono>
#include <istream>
#include <ostream>

#include "base/logging.h"
#include "base/status.h"
#include "voting_machine/person.h"

namespace pollbus::voting_machine {
namespace {

// For a recorder to answer, which may be starting.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kAskAgain{2};

}  // namespace

DefinedElection::DefinedElection(const MachineSettings& settings, Publisher& topic, Clock& clock,
                                 const MachineKeys& keys)
    : settings_(settings), clock_(clock) {
  const auto office = OfficePublicKey::parse(settings.office_public_key);
  if (!office.ok()) return;  // none is configured
  guide_.emplace(
      ElectionGuide::Parts{.topic = topic, .clock = clock, .office = *office, .keys = keys},
      wire::DescribeRequest{.election = settings.election,
                            .event = std::nullopt,
                            .machine = *settings.machine,
                            .uuid = {}});
}

absl::Status DefinedElection::learn(std::stop_token stop) {
  const SteadyTime give_up = clock_.now() + kPatience;
  while (clock_.now() < give_up && !stop.stop_requested()) {
    if (const absl::Status status = guide_->ask(); !status.ok())
      log_warning("cannot ask for the definition of the election", {{"error", status}});
    if (guide_->wait_for_answer(clock_.now() + kAskAgain, stop)) return absl::OkStatus();
  }
  if (stop.stop_requested()) return absl::CancelledError("stopped");
  return absl::DeadlineExceededError(fmt::format(
      "no recorder has described election {} within {} s", *settings_.election, kPatience.count()));
}

absl::Status DefinedElection::choose_voter(std::istream& in, std::ostream& out,
                                           std::stop_token stop, Voter* voter) {
  PersonVote person{.voter = settings_.voter, .choice = settings_.choice, .code = settings_.code};
  std::optional<ElectionState> state;
  if (guide_) {
    RETURN_IF_ERROR(learn(stop));
    const auto found = guide_->elections();
    if (!found.empty()) state = found.front();
    if (!state) log_warning("the election is not defined", {{"election", *settings_.election}});
  }
  const Definition* definition = state ? &state->definition : nullptr;
  if (state) {
    if (!settings_.quiet) out << describe(*state, guide_->now_ms()) << std::flush;
    RETURN_IF_ERROR(check(person, *definition));
    if (!settings_.codes.empty() && definition->eligibility != Eligibility::kCodes) {
      return absl::InvalidArgumentError(
          fmt::format("--codes: election {} has no codes", definition->election));
    }
  }
  if (!settings_.is_one_person()) {
    ASSIGN_OR_RETURN(*voter, settings_.simulated_voter());
    if (definition != nullptr) *voter = within(std::move(*voter), *definition);
    return absl::OkStatus();
  }
  if (!ask_for_missing(in, out, definition, &person))
    return absl::InvalidArgumentError("the vote is not complete: standard input ended");
  *voter = voter_of(std::move(person));
  return absl::OkStatus();
}

}  // namespace pollbus::voting_machine
