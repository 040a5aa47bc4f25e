#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "election/office_messages.h"
#include "election/voter_code.h"
#include "election_office/report.h"
#include "election_office/services.h"

namespace pollbus::election_office {

// A roll in the form in which the logger gets it: in chunks, ascending by voter. Borrows the
// voters. `codes` has a code for every voter, and may have more; empty: the election has no codes.
class RollUpload {
 public:
  RollUpload(std::int64_t election, const Sha256& salt, const std::vector<std::int64_t>& voters,
             const std::vector<VoterCode>& codes);

  const RollSummary& summary() const { return summary_; }
  wire::RollChunk chunk(std::int64_t index) const;

  // Sends all chunks to the logger, which keeps them until the roll's event comes.
  absl::Status send(Services& services, Progress& progress) const;

 private:
  std::int64_t election_;
  Sha256 salt_;
  const std::vector<std::int64_t>& voters_;
  std::vector<std::uint64_t> code_hashes_;  // of the voters, in order; empty without codes
  RollSummary summary_;
};

}  // namespace pollbus::election_office
