#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pollbus {

// Limits of every number in a message: exact in every JSON reader.
inline constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;
inline constexpr std::int64_t kMaxChoice = (std::int64_t{1} << 31) - 1;

// A vote as a machine casts it. The only type that holds voter and choice together: it exists in
// the machine and, from parse to mark, in the logger.
struct SubmittedVote {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t voter = 0;
  std::int64_t choice = 0;
  // RFC 4122 text as the machine wrote it; equal whatever its case.
  std::string uuid;
  // When it was cast, milliseconds since 1970; original machines may leave it out.
  std::optional<std::int64_t> timestamp_ms;
};

// A vote as the recorder stores it: nobody's.
struct AnonymousVote {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  std::string uuid;
};

enum class Outcome { kSuccessful, kAlreadyVoted, kRejected };

// What a machine is answered.
struct Result {
  Outcome outcome = Outcome::kSuccessful;
  std::string uuid;
  // Why it was rejected; empty otherwise. Names a field, never its value.
  std::string reason;
};

}  // namespace pollbus
