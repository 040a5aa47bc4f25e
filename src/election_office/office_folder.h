#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "election/signature.h"
#include "election/voter_code.h"

namespace pollbus::election_office {

// The office's folder on this computer: the signing key and the voters' codes, in files that only
// their owner can read. Everything else is kept by the services. Not thread-safe.
class OfficeFolder {
 public:
  explicit OfficeFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path key_file() const { return folder_ / "office.key"; }
  std::filesystem::path public_key_file() const { return folder_ / "office.pub"; }

  // ALREADY_EXISTS if there is a key: elections that it signed would be lost with it.
  absl::StatusOr<OfficePrivateKey> make_key();
  // NOT_FOUND, with advice, if there is none; FAILED_PRECONDITION if others can read it.
  absl::StatusOr<OfficePrivateKey> read_key() const;

  // The codes of an event ("City 2026"), ascending by voter; all its elections share them. Empty if
  // there are none yet. Storing replaces the file.
  absl::StatusOr<std::vector<VoterCode>> read_codes(const std::string& event) const;
  absl::Status store_codes(const std::string& event, const std::vector<VoterCode>& codes);

 private:
  std::filesystem::path codes_file(const std::string& event) const;
  absl::Status make_folder();

  std::filesystem::path folder_;
};

// The same codes, and new ones for the voters that have none. Both lists ascend by voter.
std::vector<VoterCode> complete_codes(const std::vector<VoterCode>& codes,
                                      const std::vector<std::int64_t>& voters);

}  // namespace pollbus::election_office
