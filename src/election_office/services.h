#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "election/office_messages.h"

namespace pollbus::election_office {

// A command for one of the services: its data, and wire::kToRecorder or wire::kToLogger.
struct Command {
  std::string data;
  std::string_view to;
};

using Answer = absl::StatusOr<wire::OfficeAnswer>;

// The recorder and the logger, as the office sees them. Not thread-safe.
class Services {
 public:
  virtual ~Services() = default;

  // Sends the commands, again and again until each is answered, and returns the answers in order.
  // DEADLINE_EXCEEDED for a command that nobody has answered in time: it may have been carried out
  // nevertheless, and can be repeated. `answered` is told how many answers have come.
  virtual std::vector<Answer> ask(std::span<const Command> commands,
                                  const std::function<void(std::size_t answered)>& answered) = 0;

  Answer ask(const Command& command) {
    return std::move(ask(std::span(&command, 1), [](std::size_t) {}).front());
  }
};

}  // namespace pollbus::election_office
