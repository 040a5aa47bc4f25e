#include "pedestrian/handler.h"

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"
#include "pedestrian/images.h"
#include "pedestrian/pipeline.h"

namespace pollbus::pedestrian {
namespace {

prometheus::Counter& records_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_records_total", "Records by what became of them",
                 {{"outcome", outcome}});
}

}  // namespace

Handler::Handler(Outbox& outbox, std::string stage, std::string next, Step step,
                 prometheus::Registry& metrics)
    : outbox_(outbox),
      inbound_({{kStageAttribute, stage}}, metrics),
      stage_(std::move(stage)),
      next_(std::move(next)),
      step_(std::move(step)),
      passed_(records_counter(metrics, "passed on")),
      rejected_(records_counter(metrics, "rejected")) {}

std::vector<Verdict> Handler::handle(std::span<const ReceivedMessage> batch, std::stop_token stop) {
  std::vector<Verdict> verdicts(batch.size(), Verdict::kNack);
  Outgoing outgoing;
  std::size_t done = 0;
  // A network may take seconds per record, so records that were not begun before a stop are nacked.
  for (; done < batch.size() && !stop.stop_requested(); ++done) {
    const ReceivedMessage& message = batch[done];
    if (inbound_.is_stray(message)) continue;
    auto processed = process(message);
    if (processed.ok()) {
      outgoing.messages.push_back(*std::move(processed));
    } else {
      log_warning("record rejected", {{"message", message.id}, {"reason", processed.status()}});
      inbound_.reject(std::string(processed.status().message()), message, std::nullopt, &outgoing);
    }
  }
  if (!outbox_.publish(outgoing, stop)) return verdicts;
  passed_.Increment(static_cast<double>(outgoing.messages.size()));
  rejected_.Increment(static_cast<double>(outgoing.notices.size()));
  std::fill_n(verdicts.begin(), done, Verdict::kAck);
  return verdicts;
}

absl::StatusOr<Message> Handler::process(const ReceivedMessage& message) const {
  ASSIGN_OR_RETURN(auto record, Record::parse(message.data));
  Message out;
  for (const auto& [name, value] : message.attributes) out.attributes.emplace(name, value);
  RETURN_IF_ERROR(step_(record, out.attributes));
  out.attributes[kStageAttribute] = next_;
  ASSIGN_OR_RETURN(out.data, encode_within_limit(std::move(record)));
  return out;
}

}  // namespace pollbus::pedestrian
