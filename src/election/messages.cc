#include "election/messages.h"

#include <utility>

namespace pollbus::wire {
namespace {

// With room for the MAC that may follow, and for the machine's ID beside it.
Attributes with_function(std::string_view function) {
  Attributes attributes;
  attributes.reserve(3);
  attributes.try_emplace(std::string(kFunction), function);
  return attributes;
}

}  // namespace

Message submit_message(std::string data) {
  return {.data = std::move(data), .attributes = with_function(kSubmitVote)};
}

Message submit_message(const SubmittedVote& vote) { return submit_message(encode(vote)); }

Message record_message(const AnonymousVote& vote) {
  return {.data = encode(vote), .attributes = with_function(kRecordVote)};
}

Message result_message(std::int64_t machine, const Result& result) {
  Message message{.data = encode(result), .attributes = with_function(kResult)};
  message.attributes.try_emplace(std::string(kMachineId), std::to_string(machine));
  return message;
}

std::optional<Message> rejection(const BadMessage& bad) {
  if (!bad.machine || !bad.uuid) return std::nullopt;
  return result_message(*bad.machine,
                        {.outcome = Outcome::kRejected, .uuid = *bad.uuid, .reason = bad.reason});
}

}  // namespace pollbus::wire
