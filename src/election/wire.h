#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "election/vote.h"

// The messages of docs/wire-format.md: JSON in a Pub/Sub message's data, and the attributes by
// which subscriptions filter. Plain functions without I/O.
namespace pollbus::wire {

inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// The topic that all parts share, and the variable that names a part's subscription.
inline constexpr char kTopic[] = "election";
inline constexpr char kSubscriptionVariable[] = "ELECTION_SUB_ID";
// Attribute names and values.
inline constexpr std::string_view kFunction = "function";
inline constexpr std::string_view kMachineId = "machineID";
inline constexpr std::string_view kSubmitVote = "submit vote";
inline constexpr std::string_view kRecordVote = "record vote";
inline constexpr std::string_view kResult = "result";
// Further attributes of what stands in the quarantine.
inline constexpr std::string_view kReason = "reason";
inline constexpr std::string_view kMessageId = "messageId";

// Filters of the three kinds of subscription.
std::string submit_filter();
std::string record_filter();
std::string result_filter(std::int64_t machine);

// A message that is no vote: why (a field's name and what was expected, never a value), and whom to
// tell, where machine and UUID can be read all the same.
struct BadMessage {
  std::string reason;
  std::optional<std::int64_t> machine;
  std::optional<std::string> uuid;
};

std::string encode(const SubmittedVote& vote);
std::string encode(const AnonymousVote& vote);
std::string encode(const Result& result);

// Unknown fields are ignored; a known field given twice, missing, of a wrong type or out of range
// is a BadMessage, as is data over kMaxMessageBytes.
std::variant<SubmittedVote, BadMessage> parse_submitted(std::string_view data);
std::variant<AnonymousVote, BadMessage> parse_recorded(std::string_view data);
std::variant<Result, BadMessage> parse_result(std::string_view data);

}  // namespace pollbus::wire
