#pragma once

#include <vector>

#include "integration/account.h"
#include "integration/election_system.h"
#include "integration/machine_process.h"

namespace pollbus::testing {

// Checks the invariants of a drained election, each breach a failure of the running test:
//   I1 each `successful` has its row
//   I2 no row without a submission with that content
//   I3 one row a UUID and one a voter
//   I4 `Already Voted!!!` only if another vote of that voter was accepted, never for the one that
//   won I5 as many marks in Redis as rows in PostgreSQL I6 every vote has an answer, and answers
//   for one UUID never contradict each other I7 the tally equals the accepted votes
// `accounts` are all votes of the machines that stand in it; other machines may tell by their
// summaries. All machines of the election must stand in one or the other.
void expect_invariants(const ElectionSystem& system, const Accounts& accounts,
                       const std::vector<MachineSummary>& summaries = {});

// The accounts of several machines together.
Accounts merged(const std::vector<Accounts>& parts);

}  // namespace pollbus::testing
