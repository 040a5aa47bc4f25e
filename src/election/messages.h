#pragma once

#include <cstdint>
#include <optional>

#include "base/message.h"
#include "election/vote.h"
#include "election/wire.h"

// Whole messages: the JSON of wire.h with the attributes by which they find their subscription.
namespace pollbus::wire {

Message submit_message(const SubmittedVote& vote);
Message record_message(const AnonymousVote& vote);
Message result_message(std::int64_t machine, const Result& result);

// What the sender of a bad message is told, if it can be told.
std::optional<Message> rejection(const BadMessage& bad);

}  // namespace pollbus::wire
