#pragma once

#include <string>

#include "faults/checker/judge.h"
#include "faults/checker/recovery.h"

namespace pollbus::faults {

// The verdict for programs, as tests/faults/README.md has it.
std::string to_json(const Evidence& evidence, const Judgement& judgement,
                    const Recoveries& recoveries);

// For people: what was judged, each violation (the first kMaxStories with the vote's whole story),
// and how the system came back.
std::string to_text(const Evidence& evidence, const Keys& keys, const Judgement& judgement,
                    const Recoveries& recoveries);

}  // namespace pollbus::faults
