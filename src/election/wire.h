#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "election/vote.h"

// Reads and writes the messages of docs/wire-format.md: JSON in the data of a Pub/Sub message, and
// the attributes that subscriptions filter by. Pure functions; thread-safe.
namespace pollbus::wire {

inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// The default topic, and the environment variable that names a service's subscription.
inline constexpr char kTopic[] = "election";
inline constexpr char kSubscriptionVariable[] = "ELECTION_SUB_ID";
// Attribute names and values.
inline constexpr std::string_view kFunction = "function";
inline constexpr std::string_view kMachineId = "machineID";
inline constexpr std::string_view kMac = "mac";
inline constexpr std::string_view kSubmitVote = "submit vote";
inline constexpr std::string_view kRecordVote = "record vote";
inline constexpr std::string_view kResult = "result";
// Further attributes of the messages in the quarantine topic.
inline constexpr std::string_view kReason = "reason";
inline constexpr std::string_view kMessageId = "messageId";

// The filters of the three kinds of subscription.
std::string submit_filter();
std::string record_filter();
std::string result_filter(std::int64_t machine);

// An invalid message: the reason (the name of a field and what was expected, never a value), and
// the machine and the UUID to answer to, if they can be read nevertheless.
struct BadMessage {
  std::string reason;
  std::optional<std::int64_t> machine;
  std::optional<std::string> uuid;
};

std::string encode(const SubmittedVote& vote);
std::string encode(const AnonymousVote& vote);
std::string encode(const Result& result);

// These ignore unknown fields. They return a BadMessage if a known field is missing, occurs twice,
// has the wrong type or is out of range, or if the data is larger than kMaxMessageBytes.
std::variant<SubmittedVote, BadMessage> parse_submitted(std::string_view data);
std::variant<AnonymousVote, BadMessage> parse_recorded(std::string_view data);
std::variant<Result, BadMessage> parse_result(std::string_view data);

}  // namespace pollbus::wire
