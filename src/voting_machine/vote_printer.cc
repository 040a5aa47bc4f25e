#include "voting_machine/vote_printer.h"

#include <fmt/format.h>

#include <ostream>
#include <utility>
#include <variant>

#include "election/wire.h"

namespace pollbus::voting_machine {
namespace {

// Stands for a UUID. A reader of the stores who knows the UUID can find out the choice.
constexpr char kHidden[] = "...";

std::string without_secrets(const std::string& data) {
  const auto parsed = wire::parse_submitted(data);
  const auto* vote = std::get_if<SubmittedVote>(&parsed);
  if (vote == nullptr) return "{}";
  return fmt::format(R"({{"machine_ID":{},"election_ID":{},"UUID":"{}"}})", vote->machine,
                     vote->election, kHidden);
}

std::string without_secrets(Result result) {
  result.uuid = kHidden;
  return wire::encode(result);
}

}  // namespace

VotePrinter::VotePrinter(std::ostream& out, Show show, std::function<void()> on_closed)
    : out_(out), show_(show), on_closed_(std::move(on_closed)) {}

void VotePrinter::print(const std::string& line) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    out_ << line + "\n" << std::flush;
    if (out_) return;
    is_closed_ = true;
  }
  on_closed_();
}

bool VotePrinter::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

void VotePrinter::published(std::span<const Message> votes) {
  for (const Message& vote : votes) {
    print(fmt::format("The message {} is sent",
                      show_ == Show::kVotes ? vote.data : without_secrets(vote.data)));
  }
}

void VotePrinter::timed_out(std::span<const std::string> uuids) {
  for (std::size_t i = 0; i < uuids.size(); ++i) print("Time out");
}

void VotePrinter::answered(std::span<const Answer> answers) {
  for (const Answer& answer : answers) {
    print(fmt::format("Received {}.",
                      show_ == Show::kVotes ? answer.text : without_secrets(answer.result)));
  }
}

}  // namespace pollbus::voting_machine
