#include "election_office/office_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <system_error>

#include "base/byte_order.h"
#include "base/files.h"
#include "base/status.h"
#include "election/sha256.h"

namespace pollbus::election_office {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kEverybodyReads = 0644;
constexpr std::string_view kCodesHead = "pollbus codes 1\n";
constexpr std::size_t kCodeBytes = 16;
constexpr std::size_t kNumberBytes = 8;

}  // namespace

absl::Status OfficeFolder::make_folder() {
  std::error_code error;
  const bool is_new = fs::create_directories(folder_, error);
  if (error) {
    return absl::UnavailableError(
        fmt::format("cannot make the folder {}: {}", folder_.string(), error.message()));
  }
  if (is_new) fs::permissions(folder_, fs::perms::owner_all, error);
  return absl::OkStatus();
}

absl::StatusOr<OfficePrivateKey> OfficeFolder::make_key() {
  std::error_code error;
  if (fs::exists(key_file(), error)) {
    return absl::AlreadyExistsError(fmt::format(
        "{} exists already and is kept: elections that it has signed need it. For a new office, "
        "choose another folder with --office",
        key_file().string()));
  }
  RETURN_IF_ERROR(make_folder());
  const auto key = OfficePrivateKey::generate();
  RETURN_IF_ERROR(write_whole_file(key_file(), key.reveal() + "\n", kOwnerOnly));
  RETURN_IF_ERROR(
      write_whole_file(public_key_file(), key.public_key().to_hex() + "\n", kEverybodyReads));
  return key;
}

absl::StatusOr<OfficePrivateKey> OfficeFolder::read_key() const {
  struct stat status {};
  if (::stat(key_file().c_str(), &status) != 0) {
    return absl::NotFoundError(
        fmt::format("there is no signing key {}: make one with election-office keygen, or name the "
                    "office's folder with --office",
                    key_file().string()));
  }
  if ((status.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(fmt::format("other users can read {}: chmod 600 {}",
                                                     key_file().string(), key_file().string()));
  }
  ASSIGN_OR_RETURN(std::string text, read_whole_file(key_file(), 1'024));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  auto key = OfficePrivateKey::parse(text);
  return key.ok() ? key : annotate(key.status(), key_file().string());
}

// The name of the event may hold any characters, so the file is named by a hash.
fs::path OfficeFolder::codes_file(const std::string& event) const {
  return folder_ / fmt::format("codes-{}.bin", to_hex(sha256(event)).substr(0, 16));
}

absl::StatusOr<std::vector<VoterCode>> OfficeFolder::read_codes(const std::string& event) const {
  const fs::path file = codes_file(event);
  const auto bytes = read_whole_file(file);
  if (absl::IsNotFound(bytes.status())) return std::vector<VoterCode>();
  if (!bytes.ok()) return bytes.status();
  std::string_view rest = *bytes;
  if (!rest.starts_with(kCodesHead) || (rest.size() - kCodesHead.size()) % kCodeBytes != 0) {
    return absl::DataLossError(
        fmt::format("{} is damaged: restore it from a backup", file.string()));
  }
  rest.remove_prefix(kCodesHead.size());
  std::vector<VoterCode> codes;
  codes.reserve(rest.size() / kCodeBytes);
  for (; !rest.empty(); rest.remove_prefix(kCodeBytes)) {
    codes.push_back(
        {.voter = static_cast<std::int64_t>(
             from_big_endian<std::uint64_t>(rest.substr(0, kNumberBytes))),
         .secret = from_big_endian<std::uint64_t>(rest.substr(kNumberBytes, kNumberBytes))});
  }
  return codes;
}

absl::Status OfficeFolder::store_codes(const std::string& event,
                                       const std::vector<VoterCode>& codes) {
  RETURN_IF_ERROR(make_folder());
  std::string bytes(kCodesHead);
  bytes.reserve(bytes.size() + codes.size() * kCodeBytes);
  for (const auto& [voter, secret] : codes) {
    append_big_endian(bytes, voter);
    append_big_endian(bytes, secret);
  }
  return write_whole_file(codes_file(event), bytes, kOwnerOnly);
}

std::vector<VoterCode> complete_codes(const std::vector<VoterCode>& codes,
                                      const std::vector<std::int64_t>& voters) {
  std::vector<VoterCode> all;
  all.reserve(std::max(codes.size(), voters.size()));
  auto code = codes.begin();
  for (const std::int64_t voter : voters) {
    while (code != codes.end() && code->voter < voter) all.push_back(*code++);
    if (code != codes.end() && code->voter == voter) {
      all.push_back(*code++);
    } else {
      all.push_back(random_voter_code(voter));
    }
  }
  all.insert(all.end(), code, codes.end());
  return all;
}

}  // namespace pollbus::election_office
