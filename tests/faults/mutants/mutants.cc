#include "faults/mutants/mutants.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "base/status.h"
#include "election/wire.h"

namespace pollbus::faults {
namespace {

using voting_machine::JournalFile;

template <typename Wrong, typename Part>
std::unique_ptr<Part> put_around(std::unique_ptr<Part> inner) {
  return std::make_unique<Wrong>(std::move(inner));
}

// Passes everything on. A mistake overrides one function.
class SameJournal : public JournalFile {
 public:
  explicit SameJournal(std::unique_ptr<JournalFile> inner) : inner_(std::move(inner)) {}
  const std::string& name() const override { return inner_->name(); }
  absl::StatusOr<std::size_t> records() const override { return inner_->records(); }
  absl::Status read(std::size_t position, Record* record) const override {
    return inner_->read(position, record);
  }
  absl::Status write(std::size_t position, const Record& record) override {
    return inner_->write(position, record);
  }
  absl::Status sync() override { return inner_->sync(); }
  absl::Status grow(std::size_t records) override { return inner_->grow(records); }

 private:
  const std::unique_ptr<JournalFile> inner_;
};

class NotSynced final : public SameJournal {
 public:
  using SameJournal::SameJournal;
  absl::Status sync() override { return absl::OkStatus(); }
};

// Each life reads its journal as if it held nothing but the header.
class NotRecovered final : public SameJournal {
 public:
  using SameJournal::SameJournal;
  absl::Status read(std::size_t position, Record* record) const override {
    if (position == 0) return SameJournal::read(position, record);
    *record = {};
    return absl::OkStatus();
  }
};

class SameRegister : public VoterRegister {
 public:
  explicit SameRegister(std::unique_ptr<VoterRegister> inner) : inner_(std::move(inner)) {}
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    return inner_->mark(marks);
  }
  absl::Status check() override { return inner_->check(); }
  absl::StatusOr<ElectionCounts> counts() override { return inner_->counts(); }

 private:
  const std::unique_ptr<VoterRegister> inner_;
};

class TransientIsRejection final : public SameRegister {
 public:
  using SameRegister::SameRegister;
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    auto outcomes = SameRegister::mark(marks);
    if (outcomes.ok()) return outcomes;
    return std::vector<MarkOutcome>(marks.size(), MarkOutcome::kOtherVote);
  }
};

class NoFingerprint final : public SameRegister {
 public:
  using SameRegister::SameRegister;
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    ASSIGN_OR_RETURN(auto outcomes, SameRegister::mark(marks));
    std::ranges::replace(outcomes, MarkOutcome::kSameVoteAgain, MarkOutcome::kOtherVote);
    return outcomes;
  }
};

class FingerprintOfVoterOnly final : public SameRegister {
 public:
  using SameRegister::SameRegister;
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    std::vector<Mark> alike(marks.begin(), marks.end());
    for (Mark& mark : alike) mark.fingerprint = {};
    return SameRegister::mark(alike);
  }
};

class SameBallotBox : public BallotBox {
 public:
  explicit SameBallotBox(std::unique_ptr<BallotBox> inner) : inner_(std::move(inner)) {}
  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    return inner_->record(ballots);
  }
  absl::Status check() override { return inner_->check(); }
  absl::StatusOr<ElectionCounts> counts() override { return inner_->counts(); }
  absl::Status migrate() override { return inner_->migrate(); }

 private:
  const std::unique_ptr<BallotBox> inner_;
};

class ReceiptPerBatch final : public SameBallotBox {
 public:
  using SameBallotBox::SameBallotBox;
  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    std::vector<Ballot> changed(ballots.begin(), ballots.end());
    ++batch_;
    for (Ballot& ballot : changed) ballot.receipt.back() ^= batch_;
    return SameBallotBox::record(changed);
  }

 private:
  unsigned char batch_ = 0;
};

class CommitFailureIgnored final : public SameBallotBox {
 public:
  using SameBallotBox::SameBallotBox;
  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    SameBallotBox::record(ballots).IgnoreError();
    return std::vector<BallotOutcome>(ballots.size(), BallotOutcome::kRecorded);
  }
};

// Mistakes one outcome of the ballot box for another.
template <BallotOutcome kReal, BallotOutcome kTaken>
class OutcomeMistaken final : public SameBallotBox {
 public:
  using SameBallotBox::SameBallotBox;
  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    ASSIGN_OR_RETURN(auto outcomes, SameBallotBox::record(ballots));
    std::ranges::replace(outcomes, kReal, kTaken);
    return outcomes;
  }
};

// One refused ballot makes the whole batch refused, whether or not it is stored.
class RefusalDropsTheBatch final : public SameBallotBox {
 public:
  using SameBallotBox::SameBallotBox;
  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    ASSIGN_OR_RETURN(auto outcomes, SameBallotBox::record(ballots));
    if (std::ranges::find(outcomes, BallotOutcome::kRefused) != outcomes.end())
      std::ranges::fill(outcomes, BallotOutcome::kRefused);
    return outcomes;
  }
};

// Handles a voter who cannot be marked as if Redis were away.
class RefusalIsHeld final : public SameRegister {
 public:
  using SameRegister::SameRegister;
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    ASSIGN_OR_RETURN(auto outcomes, SameRegister::mark(marks));
    if (std::ranges::find(outcomes, MarkOutcome::kRefused) == outcomes.end()) return outcomes;
    return absl::UnavailableError("a voter cannot be marked");
  }
};

class RefusedIsForwarded final : public SameRegister {
 public:
  using SameRegister::SameRegister;
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    ASSIGN_OR_RETURN(auto outcomes, SameRegister::mark(marks));
    std::ranges::replace(outcomes, MarkOutcome::kRefused, MarkOutcome::kMarked);
    return outcomes;
  }
};

// Each logger has a LOGGER_KEY of its own, and no check at the start notices it.
class OwnLoggerKey final : public SameRegister {
 public:
  explicit OwnLoggerKey(std::unique_ptr<VoterRegister> inner) : SameRegister(std::move(inner)) {}
  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    std::vector<Mark> changed(marks.begin(), marks.end());
    for (Mark& mark : changed) mark.fingerprint.front() ^= key_;
    return SameRegister::mark(changed);
  }

 private:
  static unsigned char next_key() {
    thread_local unsigned char last = 0;
    return ++last;
  }
  const unsigned char key_ = next_key();
};

class NotAwaited final : public Publisher {
 public:
  explicit NotAwaited(std::unique_ptr<Publisher> inner) : inner_(std::move(inner)) {}
  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    inner_->publish(batch, stop).IgnoreError();
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<Publisher> inner_;
};

// All results of a batch go to the machine of the first one.
class ToTheFirstMachine final : public Publisher {
 public:
  explicit ToTheFirstMachine(std::unique_ptr<Publisher> inner) : inner_(std::move(inner)) {}
  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    std::vector<Message> changed(batch.begin(), batch.end());
    for (Message& message : changed) message.attributes = changed.front().attributes;
    return inner_->publish(changed, stop);
  }

 private:
  const std::unique_ptr<Publisher> inner_;
};

class FreshUuidOnRetry final : public Publisher {
 public:
  explicit FreshUuidOnRetry(std::unique_ptr<Publisher> inner) : inner_(std::move(inner)) {}
  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    std::vector<Message> changed(batch.begin(), batch.end());
    for (Message& message : changed) {
      if (published_.contains(message.data)) message.data = with_other_uuid(message.data);
    }
    RETURN_IF_ERROR(inner_->publish(changed, stop));
    for (const Message& message : batch) published_.insert(message.data);
    return absl::OkStatus();
  }

 private:
  static std::string with_other_uuid(const std::string& data) {
    auto vote = std::get<SubmittedVote>(wire::parse_submitted(data));
    std::reverse(vote.uuid.end() - 12, vote.uuid.end());
    return wire::encode(vote);
  }

  const std::unique_ptr<Publisher> inner_;
  std::set<std::string> published_;
};

// Acks a batch at once and handles it on another thread, one batch after the other.
BatchHandler ack_first(BatchHandler inner, Mutant::Spawn spawn) {
  struct Queue {
    std::mutex mutex;
    std::deque<std::vector<ReceivedMessage>> batches;
    bool is_served = false;
  };
  return [inner = std::move(inner), spawn = std::move(spawn), queue = std::make_shared<Queue>()](
             std::span<const ReceivedMessage> batch, std::stop_token stop) {
    const std::lock_guard adding(queue->mutex);
    queue->batches.emplace_back(batch.begin(), batch.end());
    if (!std::exchange(queue->is_served, true)) {
      spawn([inner, queue, stop = std::move(stop)] {
        while (true) {
          std::vector<ReceivedMessage> messages;
          {
            const std::lock_guard taking(queue->mutex);
            queue->is_served = !queue->batches.empty();
            if (!queue->is_served) return;
            messages = std::move(queue->batches.front());
            queue->batches.pop_front();
          }
          inner(messages, stop);
        }
      });
    }
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
}

BatchHandler ack_what_failed(BatchHandler inner, const Mutant::Spawn& /*spawn*/) {
  return [inner = std::move(inner)](std::span<const ReceivedMessage> batch, std::stop_token stop) {
    inner(batch, std::move(stop));
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  };
}

BatchHandler ack_when_stopped(BatchHandler inner, const Mutant::Spawn& /*spawn*/) {
  return [inner = std::move(inner)](std::span<const ReceivedMessage> batch, std::stop_token stop) {
    std::vector<Verdict> verdicts = inner(batch, stop);
    if (stop.stop_requested()) std::ranges::fill(verdicts, Verdict::kAck);
    return verdicts;
  };
}

BatchHandler verdicts_of_batch_before(BatchHandler inner, const Mutant::Spawn& /*spawn*/) {
  return [inner = std::move(inner), before = std::vector<Verdict>()](
             std::span<const ReceivedMessage> batch, std::stop_token stop) mutable {
    std::vector<Verdict> verdicts = std::exchange(before, inner(batch, std::move(stop)));
    verdicts.resize(batch.size(), Verdict::kAck);
    return verdicts;
  };
}

std::vector<Mutant> make_mutants() {
  return {
      {.name = "fresh-uuid-on-retry", .machine_publisher = put_around<FreshUuidOnRetry, Publisher>},
      {.name = "journal-not-synced", .journal = put_around<NotSynced, JournalFile>},
      {.name = "journal-not-recovered", .journal = put_around<NotRecovered, JournalFile>},
      {.name = "ack-before-publish", .service_handler = ack_first},
      {.name = "ack-what-failed", .service_handler = ack_what_failed},
      {.name = "ack-when-stopped", .service_handler = ack_when_stopped},
      {.name = "acks-of-another-batch", .service_handler = verdicts_of_batch_before},
      {.name = "publish-not-awaited",
       .logger_publisher = put_around<NotAwaited, Publisher>,
       .recorder_publisher = put_around<NotAwaited, Publisher>},
      {.name = "transient-is-rejection", .voters = put_around<TransientIsRejection, VoterRegister>},
      {.name = "set-without-nx", .redis_overwrites = true},
      {.name = "no-fingerprint", .voters = put_around<NoFingerprint, VoterRegister>},
      {.name = "fingerprint-of-voter-only",
       .voters = put_around<FingerprintOfVoterOnly, VoterRegister>},
      {.name = "no-receipt", .postgres_stores_again = true},
      {.name = "receipt-per-batch", .ballots = put_around<ReceiptPerBatch, BallotBox>},
      {.name = "commit-failure-ignored", .ballots = put_around<CommitFailureIgnored, BallotBox>},
      {.name = "content-not-compared",
       .ballots =
           put_around<OutcomeMistaken<BallotOutcome::kOtherVote, BallotOutcome::kRecordedAgain>,
                      BallotBox>},
      {.name = "repeated-vote-rejected",
       .ballots =
           put_around<OutcomeMistaken<BallotOutcome::kRecordedAgain, BallotOutcome::kOtherVote>,
                      BallotBox>},
      {.name = "refusal-answered-successful",
       .ballots = put_around<OutcomeMistaken<BallotOutcome::kRefused, BallotOutcome::kRecorded>,
                             BallotBox>},
      {.name = "refusal-drops-the-batch", .ballots = put_around<RefusalDropsTheBatch, BallotBox>},
      {.name = "refusal-is-held", .voters = put_around<RefusalIsHeld, VoterRegister>},
      {.name = "refused-voter-is-forwarded",
       .voters = put_around<RefusedIsForwarded, VoterRegister>},
      {.name = "logger-key-not-checked", .voters = put_around<OwnLoggerKey, VoterRegister>},
      {.name = "result-to-the-wrong-machine",
       .recorder_publisher = put_around<ToTheFirstMachine, Publisher>},
      {.name = "bus-not-synced", .bus_forgets = true},
      {.name = "register-not-synced", .redis_forgets = true},
      {.name = "ballot-box-not-synced", .postgres_forgets = true},
      {.name = "close-by-the-clock-of-a-replica", .redis_time_of_client = true},
      {.name = "state-read-before-the-mark", .redis_state_is_old = true},
      {.name = "closed-by-the-clock-and-open-again",
       .redis_scripts = {{"(now >= til or state[7] == state[3])", "now >= til"}}},
      {.name = "refused-vote-accepted-later",
       .redis_scripts = {{"if version and call('EXISTS', refusals) == 1 then", "if false then"}}},
      {.name = "marked-vote-refused-after-the-close",
       .redis_scripts = {{"if made == 0 then before = pcall('GET', key) end",
                          "if made == 0 and not why then before = pcall('GET', key) end"}}},
      {.name = "sealed-without-waiting", .postgres_seals_early = true},
      {.name = "older-event-applied",
       .redis_scripts = {{"if (call('HGET', key, 'sequence') or '0') ~= ARGV[2] then return 0 end",
                          ""}}},
      {.name = "roll-chunk-lost",
       .redis_scripts = {{"for i = 7, #ARGV, 3 do", "for i = 7, chunk == '0' and #ARGV or 0, 3 do"},
                         {"if voters ~= tonumber(ARGV[4]) then return {voters} end", ""}}},
      {.name = "code-not-compared",
       .redis_scripts = {{"(flag < 2 or entry ~= sub(codes, 8 * i - 7, 8 * i))", "flag < 2"}}},
      {.name = "choice-not-checked",
       .redis_scripts = {{"if not refused[i] and flag % 2 == 0 then refused[i] = 'x' end", ""}}},
  };
}

}  // namespace

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> kMutants = make_mutants();
  return kMutants;
}

const Mutant* mutant_named(std::string_view name) {
  const auto found = std::ranges::find(mutants(), name, &Mutant::name);
  return found == mutants().end() ? nullptr : &*found;
}

}  // namespace pollbus::faults
