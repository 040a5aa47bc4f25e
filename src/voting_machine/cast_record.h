#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "voting_machine/ballot_session.h"

namespace pollbus::voting_machine {

// What the kiosk remembers on disk of a session whose ballot was cast, so that the page can tell
// the voter what became of it even if this process and the browser crash: tracking codes, and
// neither voter, code, choice nor UUID. Written before the votes go into the journal, and
// updated before an answered vote leaves it; so a vote that is kSending here and not in the journal
// was never cast. When the session has ended, only its random number is left, in `past`.
struct CastRecord {
  std::string session;
  std::string language;
  std::vector<BallotSession::Line> lines;  // titles, tracking codes, states and reasons
  // The last sessions whose ballots were cast, this one among them, the latest at the end. A
  // session that is not among them has cast nothing.
  std::vector<std::string> past;
};

// A file that only its owner can read. Errors are those of base/files.h. Not thread-safe.
class CastRecordFile {
 public:
  explicit CastRecordFile(std::filesystem::path path) : path_(std::move(path)) {}

  // Empty if there is no record. DATA_LOSS if it is damaged.
  absl::StatusOr<CastRecord> load() const;
  // Returns when the record is on disk.
  absl::Status save(const CastRecord& record) const;

 private:
  const std::filesystem::path path_;
};

}  // namespace pollbus::voting_machine
