#pragma once

#include <cstdint>
#include <string>

#include "election/election_state.h"
#include "election_office/report.h"

namespace pollbus::election_office {

// The phase of an election in words, with its times: "open until 2026-12-01 20:00 …".
std::string phase_sentence(const ElectionState& state, std::int64_t now_ms);

// What the official does next, as a sentence.
std::string next_step(const ElectionState& state, std::int64_t now_ms);

// What scripts get about an election.
nlohmann::json state_details(const ElectionState& state, std::int64_t now_ms);

// A time in the election's zone and in UTC.
std::string both_times(std::int64_t utc_ms, const std::string& zone);

}  // namespace pollbus::election_office
