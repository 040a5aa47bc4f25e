#include "bus/settler.h"

#include <utility>

#include "base/failpoint.h"

namespace pollbus {
namespace {

Settlement settlement_of(std::vector<std::string> ack_ids, const std::vector<Verdict>& verdicts) {
  Settlement settlement;
  for (std::size_t i = 0; i < ack_ids.size(); ++i) {
    const bool ack =
        (i < verdicts.size() && verdicts[i] == Verdict::kAck) || is_mutant(Mutant::kAckWhatFailed);
    (ack ? settlement.acks : settlement.nacks).push_back(std::move(ack_ids[i]));
  }
  return settlement;
}

}  // namespace

void Settler::work(std::span<const ReceivedMessage> messages, std::vector<std::string> ack_ids,
                   std::stop_token stop, const std::function<void(Settlement)>& settle) {
  if (is_mutant(Mutant::kAckBeforePublish)) {
    settle({.acks = std::move(ack_ids), .nacks = {}});
    handler_(messages, stop);
    return;
  }
  std::vector<Verdict> verdicts = handler_(messages, stop);
  if (is_mutant(Mutant::kAcksOfAnotherBatch)) {
    verdicts = std::exchange(last_, std::move(verdicts));
    verdicts.resize(messages.size(), Verdict::kAck);
  }
  Settlement settlement = settlement_of(std::move(ack_ids), verdicts);
  if (!failpoint(Failpoint::kBusBeforeAck).ok()) settlement.acks.clear();  // as if they were lost
  settle(std::move(settlement));
  (void)failpoint(Failpoint::kBusAfterAck);
}

}  // namespace pollbus
