#pragma once

#include <string>

#include "faults/checker/judge.h"
#include "faults/checker/recovery.h"

namespace pollbus::faults {

// The verdict as JSON (tests/faults/README.md).
std::string to_json(const Evidence& evidence, const Judgement& judgement,
                    const Recoveries& recoveries);

// The verdict for people: what was judged, each violation (the first kMaxStories with the story of
// the vote), and how the system recovered.
std::string to_text(const Evidence& evidence, const Keys& keys, const Judgement& judgement,
                    const Recoveries& recoveries);

}  // namespace pollbus::faults
