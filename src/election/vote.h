#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pollbus {

// Upper limits of the numbers in a message. Every JSON reader can represent them exactly.
inline constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;
inline constexpr std::int64_t kMaxChoice = (std::int64_t{1} << 31) - 1;

// A vote as a machine casts it. Only this type holds voter and choice together. It exists in the
// machine, and in the logger until the voter is marked.
struct SubmittedVote {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t voter = 0;
  std::int64_t choice = 0;
  // RFC 4122 text as the machine wrote it. Two UUIDs that differ only in case are the same.
  std::string uuid;
  // When the vote was cast, in milliseconds since 1970. The original machines may leave it out.
  std::optional<std::int64_t> timestamp_ms;
  // The voter's code, as the voter typed it; only elections with codes look at it.
  std::optional<std::string> code{};
};

// A vote as the recorder stores it: without the voter.
struct AnonymousVote {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  std::string uuid;
};

// The vote without voter and time. Code that passes a vote on uses this and does not look at the
// choice.
AnonymousVote without_voter(const SubmittedVote& vote);

// Why a logger rejects a valid vote (docs/wire-format.md). Machines show these texts to people.
inline constexpr std::string_view kReasonNotOpen = "the election is not open";
inline constexpr std::string_view kReasonPaused = "the election is paused";
inline constexpr std::string_view kReasonClosed = "the election is closed";
inline constexpr std::string_view kReasonNotDefined = "the election is not defined";
inline constexpr std::string_view kReasonNotOnRoll = "the voter is not on the roll";
inline constexpr std::string_view kReasonWrongCode = "the code is wrong";
inline constexpr std::string_view kReasonNoSuchChoice = "the choice does not exist";

enum class Outcome { kSuccessful, kAlreadyVoted, kRejected };

// The answer to a machine.
struct Result {
  Outcome outcome = Outcome::kSuccessful;
  std::string uuid;
  // Why the vote was rejected; empty otherwise. Names a field, never its value.
  std::string reason;
};

}  // namespace pollbus
