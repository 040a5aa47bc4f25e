#include "integration/machine_process.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace pollbus::testing {
namespace {

std::string name_of(std::int64_t machine) { return fmt::format("voting-machine-{}", machine); }

std::vector<std::string> flags_of(const std::filesystem::path& folder, std::int64_t election,
                                  const MachineLoad& load) {
  const std::string file = folder / name_of(load.machine);
  std::vector<std::string> flags{"--quiet", "--journal", file + ".journal", "--summary",
                                 file + ".summary"};
  const std::vector<std::pair<std::string, std::int64_t>> numbers{
      {"election", election},  {"machine", load.machine}, {"votes", load.votes},
      {"voters", load.voters}, {"rate", load.rate},       {"in-flight", load.in_flight},
      {"seed", load.seed}};
  for (const auto& [name, value] : numbers) {
    flags.push_back("--" + name);
    flags.push_back(std::to_string(value));
  }
  return flags;
}

}  // namespace

MachineProcess::MachineProcess(const std::filesystem::path& folder, const Environment& environment,
                               std::int64_t election, MachineLoad load)
    : VotingService("voting-machine", name_of(load.machine), environment, folder,
                    flags_of(folder, election, load)),
      machine_(load.machine),
      summary_(folder / (name_of(load.machine) + ".summary")) {}

MachineSummary MachineProcess::finish(std::chrono::milliseconds within) {
  const int code = wait_for_end(within);
  if (code != 0) {
    throw std::runtime_error(fmt::format("machine {} ended with {}: {}", machine_, code, log()));
  }
  return summary();
}

MachineSummary MachineProcess::summary() const {
  const auto json = nlohmann::json::parse(std::ifstream(summary_));
  const auto count = [&](const char* name) { return json.at(name).get<std::int64_t>(); };
  return {.machine = machine_,
          .sent = count("sent"),
          .recovered = count("recovered"),
          .successful = count("successful"),
          .already_voted = count("already_voted"),
          .rejected = count("rejected"),
          .pending = count("pending"),
          .timed_out = count("timed_out"),
          .unknown_results = count("unknown_results")};
}

}  // namespace pollbus::testing
