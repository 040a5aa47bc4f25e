#pragma once

#include <vector>

#include "integration/account.h"
#include "integration/election_system.h"
#include "integration/machine_process.h"

namespace pollbus::testing {

// Checks the invariants of an election with no votes under way:
//   I1 each `successful` has its row;
//   I2 there is no row without a submission with that content;
//   I3 there is one row for each UUID and for each voter;
//   I4 `Already Voted!!!` is answered only if another vote of that voter was accepted;
//   I5 there are as many marks in Redis as rows in PostgreSQL;
//   I6 every vote has an answer, and answers for one UUID never contradict each other;
//   I7 the tally equals the accepted votes.
// `accounts` must contain all votes of each machine that occurs in it. All other machines of the
// election must be in `summaries`.
void expect_invariants(const ElectionSystem& system, const Accounts& accounts,
                       const std::vector<MachineSummary>& summaries = {});

// Combines the accounts of several machines.
Accounts merged(const std::vector<Accounts>& parts);

}  // namespace pollbus::testing
