#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "faults/decorators/failpoints.h"

namespace pollbus::faults {

// A publisher with the places `<part>.before_publish` and `<part>.after_publish`.
class FailingPublisher final : public Publisher {
 public:
  FailingPublisher(std::unique_ptr<Publisher> inner, std::string part, Failpoints at)
      : inner_(std::move(inner)), part_(std::move(part)), at_(std::move(at)) {}

  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    RETURN_IF_ERROR(at_(part_ + ".before_publish"));
    RETURN_IF_ERROR(inner_->publish(batch, stop));
    return at_(part_ + ".after_publish");
  }

 private:
  const std::unique_ptr<Publisher> inner_;
  const std::string part_;
  const Failpoints at_;
};

// A handler with the places `<part>.before_handle` and `<part>.before_ack`. Where one of them
// fails, the whole batch is given back.
inline BatchHandler failing_handler(BatchHandler inner, const std::string& part, Failpoints at) {
  return [inner = std::move(inner), part, at = std::move(at)](
             std::span<const ReceivedMessage> batch, std::stop_token stop) {
    std::vector<Verdict> give_back(batch.size(), Verdict::kNack);
    if (!at(part + ".before_handle").ok()) return give_back;
    std::vector<Verdict> verdicts = inner(batch, stop);
    return at(part + ".before_ack").ok() ? verdicts : give_back;
  };
}

}  // namespace pollbus::faults
