#include "election/messages.h"

namespace pollbus::wire {

Message submit_message(const SubmittedVote& vote) {
  return {encode(vote), {{std::string(kFunction), std::string(kSubmitVote)}}};
}

Message record_message(const AnonymousVote& vote) {
  return {encode(vote), {{std::string(kFunction), std::string(kRecordVote)}}};
}

Message result_message(std::int64_t machine, const Result& result) {
  return {encode(result),
          {{std::string(kFunction), std::string(kResult)},
           {std::string(kMachineId), std::to_string(machine)}}};
}

std::optional<Message> rejection(const BadMessage& bad) {
  if (!bad.machine || !bad.uuid) return std::nullopt;
  return result_message(*bad.machine,
                        {.outcome = Outcome::kRejected, .uuid = *bad.uuid, .reason = bad.reason});
}

}  // namespace pollbus::wire
