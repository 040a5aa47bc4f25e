#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/message.h"
#include "election/vote.h"
#include "election/wire.h"

// Complete messages: the JSON of wire.h with the attributes that subscriptions filter by.
namespace pollbus::wire {

Message submit_message(const SubmittedVote& vote);
Message submit_message(std::string data);  // of a vote that was encoded before
Message record_message(const AnonymousVote& vote);
Message result_message(std::int64_t machine, const Result& result);

// The answer to an invalid message, if it names a machine and a UUID to answer to.
std::optional<Message> rejection(const BadMessage& bad);

}  // namespace pollbus::wire
