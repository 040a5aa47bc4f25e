#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "faults/decorators/failpoints.h"
#include "stores/ballot_box.h"
#include "stores/election_register.h"
#include "stores/event_store.h"
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

// An election register with the places logger.before_event, logger.after_event, logger.before_chunk
// and logger.after_chunk.
class FailingElectionRegister final : public ElectionRegister {
 public:
  FailingElectionRegister(std::unique_ptr<ElectionRegister> inner, Failpoints at)
      : inner_(std::move(inner)), at_(std::move(at)) {}

  absl::StatusOr<ElectionSnapshot> read(std::int64_t election, std::int64_t known) override {
    return inner_->read(election, known);
  }
  absl::StatusOr<std::vector<std::int64_t>> elections() override { return inner_->elections(); }
  absl::StatusOr<AppendOutcome> append(const SignedEvent& event, const Event& parsed,
                                       const ElectionState& after) override {
    RETURN_IF_ERROR(at_("logger.before_event"));
    ASSIGN_OR_RETURN(const AppendOutcome outcome, inner_->append(event, parsed, after));
    RETURN_IF_ERROR(at_("logger.after_event"));
    return outcome;
  }
  absl::StatusOr<StageOutcome> stage(const wire::RollChunk& chunk) override {
    RETURN_IF_ERROR(at_("logger.before_chunk"));
    ASSIGN_OR_RETURN(const StageOutcome outcome, inner_->stage(chunk));
    RETURN_IF_ERROR(at_("logger.after_chunk"));
    return outcome;
  }
  absl::StatusOr<StagedRoll> staged(std::int64_t election, const Sha256& roll) override {
    return inner_->staged(election, roll);
  }
  absl::StatusOr<NewVoterOutcome> keep(const wire::NewVoter& voter,
                                       const ElectionState& state) override {
    return inner_->keep(voter, state);
  }
  absl::Status remove_staged(std::int64_t election, const std::optional<Sha256>& keep) override {
    return inner_->remove_staged(election, keep);
  }

 private:
  const std::unique_ptr<ElectionRegister> inner_;
  const Failpoints at_;
};

// An event store with the places recorder.before_event and recorder.after_event.
class FailingEventStore final : public EventStore {
 public:
  FailingEventStore(std::unique_ptr<EventStore> inner, Failpoints at)
      : inner_(std::move(inner)), at_(std::move(at)) {}

  absl::StatusOr<std::vector<SignedEvent>> events(std::int64_t election,
                                                  std::int64_t from) override {
    return inner_->events(election, from);
  }
  absl::StatusOr<std::vector<std::int64_t>> elections(
      const std::optional<std::string>& event) override {
    return inner_->elections(event);
  }
  absl::StatusOr<ApplyOutcome> apply(const NewEvent& event) override {
    RETURN_IF_ERROR(at_("recorder.before_event"));
    ASSIGN_OR_RETURN(ApplyOutcome outcome, inner_->apply(event));
    RETURN_IF_ERROR(at_("recorder.after_event"));
    return outcome;
  }
  absl::StatusOr<StoredVotes> votes(std::int64_t election) override {
    return inner_->votes(election);
  }
  absl::StatusOr<std::int64_t> now_utc_ms() override { return inner_->now_utc_ms(); }
  void stop_with(std::stop_token stop) override { inner_->stop_with(std::move(stop)); }

 private:
  const std::unique_ptr<EventStore> inner_;
  const Failpoints at_;
};

}  // namespace pollbus::faults
