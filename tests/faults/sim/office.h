#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "election/signature.h"
#include "faults/sim/services.h"
#include "faults/sim/world.h"

namespace pollbus::faults {

// The office's key in all simulated elections.
const OfficePrivateKey& office_private_key();

// What outlives the process of an official: how far the plan has been carried out.
struct OfficialState {
  enum class Step {
    kDefine,
    kImportRoll,
    kOpen,
    kPause,
    kResume,
    kExtend,
    kAddVoter,
    kClose,
    kSeal,
    kCertify,
  };
  struct Planned {
    Step step = Step::kDefine;
    SteadyTime not_before;
  };

  std::string office_id;
  std::vector<Planned> plan;
  std::size_t done = 0;  // steps of the plan

  bool is_done() const { return done == plan.size(); }
};

std::string answer_subscription(const OfficialState& official);

// Draws when the election is opened, paused, closed.
OfficialState draw_official(int number, const Profile& profile, Random& random);

// An official who carries out the plan with the real commands of election-office, each of them as
// often as necessary, in any number of lives. Only the bus client of the tool is replaced.
void run_official(Surroundings& around, Process& process, OfficialState& official);

}  // namespace pollbus::faults
