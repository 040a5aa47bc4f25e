#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "faults/decorators/failpoints.h"
#include "stores/ballot_box.h"
#include "stores/voter_register.h"

namespace pollbus::faults {

// A voter register with the places logger.before_mark and logger.after_mark.
class FailingRegister final : public VoterRegister {
 public:
  FailingRegister(std::unique_ptr<VoterRegister> inner, Failpoints at)
      : inner_(std::move(inner)), at_(std::move(at)) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    RETURN_IF_ERROR(at_("logger.before_mark"));
    ASSIGN_OR_RETURN(auto outcomes, inner_->mark(marks));
    RETURN_IF_ERROR(at_("logger.after_mark"));
    return outcomes;
  }
  absl::Status check() override { return inner_->check(); }
  absl::StatusOr<ElectionCounts> counts() override { return inner_->counts(); }

 private:
  const std::unique_ptr<VoterRegister> inner_;
  const Failpoints at_;
};

// A ballot box with the places recorder.before_commit and recorder.after_commit.
class FailingBallotBox final : public BallotBox {
 public:
  FailingBallotBox(std::unique_ptr<BallotBox> inner, Failpoints at)
      : inner_(std::move(inner)), at_(std::move(at)) {}

  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    RETURN_IF_ERROR(at_("recorder.before_commit"));
    ASSIGN_OR_RETURN(auto outcomes, inner_->record(ballots));
    RETURN_IF_ERROR(at_("recorder.after_commit"));
    return outcomes;
  }
  absl::Status check() override { return inner_->check(); }
  absl::StatusOr<ElectionCounts> counts() override { return inner_->counts(); }
  absl::Status migrate() override { return inner_->migrate(); }

 private:
  const std::unique_ptr<BallotBox> inner_;
  const Failpoints at_;
};

}  // namespace pollbus::faults
