#include "election_board/problem_log.h"

#include "base/logging.h"

namespace pollbus::election_board {

ProblemLog::ProblemLog(prometheus::Registry& metrics)
    : unverified_(gauge(metrics, "pollbus_unverified_elections",
                        "Elections whose history cannot be verified")) {}

void ProblemLog::update(const Snapshot& snapshot) {
  std::map<std::int64_t, std::string> problems = snapshot.unverified;
  for (const auto& [election, view] : snapshot.elections)
    if (!view.problem.empty()) problems.emplace(election, view.problem);
  for (const auto& [election, reason] : problems)
    if (logged_[election] != reason)
      log_error("the history of an election cannot be verified",
                {{"election", election}, {"reason", reason}});
  unverified_.Set(static_cast<double>(problems.size()));
  logged_ = std::move(problems);
}

}  // namespace pollbus::election_board
