#include "faults/sim/machine_observer.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>
#include <variant>

#include "base/status.h"
#include "election/wire.h"
#include "faults/checker/pseudonym.h"
#include "voting_machine/journal.h"

namespace pollbus::faults {
namespace {

// The vote in a record of the journal: a header, the message that is published, and zeros.
std::optional<SubmittedVote> vote_in(const voting_machine::JournalFile::Record& record) {
  constexpr std::size_t kHeadBytes = std::tuple_size_v<voting_machine::JournalFile::Record> -
                                     voting_machine::Journal::kMaxDataBytes;
  const std::string_view data(reinterpret_cast<const char*>(record.data()) + kHeadBytes,
                              voting_machine::Journal::kMaxDataBytes);
  auto parsed = wire::parse_submitted(std::string(data.substr(0, data.find('\0'))));
  if (auto* vote = std::get_if<SubmittedVote>(&parsed)) return std::move(*vote);
  return std::nullopt;
}

}  // namespace

// A vote counts as cast when its record was written and synced, and as recovered when the next life
// has written and synced the record again.
class MachineObserver::ObservedJournal final : public JournalFile {
 public:
  ObservedJournal(MachineObserver& observer, std::unique_ptr<JournalFile> inner)
      : observer_(observer), inner_(std::move(inner)) {}

  const std::string& name() const override { return inner_->name(); }
  absl::StatusOr<std::size_t> records() const override { return inner_->records(); }

  absl::Status read(std::size_t position, Record* record) const override {
    RETURN_IF_ERROR(inner_->read(position, record));
    read_[position] = *record;
    return absl::OkStatus();
  }

  absl::Status write(std::size_t position, const Record& record) override {
    RETURN_IF_ERROR(inner_->write(position, record));
    if (record == Record{}) {
      if (const auto found = uuids_.find(position); found != uuids_.end()) {
        observer_.erased(found->second);
        uuids_.erase(found);
      }
    } else if (auto vote = vote_in(record)) {
      const auto found = read_.find(position);
      const bool is_recovered = found != read_.end() && found->second == record;
      uuids_[position] = vote->uuid;
      not_synced_.push_back({*std::move(vote), is_recovered});
    }
    return absl::OkStatus();
  }

  absl::Status sync() override {
    absl::Status status = inner_->sync();
    const std::vector<Written> written = std::exchange(not_synced_, {});
    if (!status.ok()) return status;
    for (const auto& [vote, is_recovered] : written) observer_.kept(vote, is_recovered);
    read_.clear();
    return status;
  }

  absl::Status grow(std::size_t records) override { return inner_->grow(records); }

 private:
  struct Written {
    SubmittedVote vote;
    bool is_recovered = false;
  };

  MachineObserver& observer_;
  const std::unique_ptr<JournalFile> inner_;
  mutable std::map<std::size_t, Record> read_;
  std::map<std::size_t, std::string> uuids_;  // by position
  std::vector<Written> not_synced_;
};

class MachineObserver::ObservedPublisher final : public Publisher {
 public:
  ObservedPublisher(MachineObserver& observer, std::unique_ptr<Publisher> inner)
      : observer_(observer), inner_(std::move(inner)) {}

  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    absl::Status status = inner_->publish(batch, stop);
    if (status.ok()) {
      for (const Message& message : batch) observer_.published(message);
    }
    return status;
  }

 private:
  MachineObserver& observer_;
  const std::unique_ptr<Publisher> inner_;
};

MachineObserver::MachineObserver(World& world, const HashKey& pseudonym_key, std::int64_t election,
                                 std::int64_t machine, Evidence& evidence, MachineRecord& record,
                                 Expected expected)
    : world_(world),
      pseudonym_key_(pseudonym_key),
      election_(election),
      machine_(machine),
      evidence_(evidence),
      record_(record),
      expected_(std::move(expected)) {
  note({.kind = MachineEvent::Kind::kStart});
}

std::unique_ptr<MachineObserver::JournalFile> MachineObserver::around(
    std::unique_ptr<JournalFile> file) {
  return std::make_unique<ObservedJournal>(*this, std::move(file));
}

std::unique_ptr<Publisher> MachineObserver::around(std::unique_ptr<Publisher> publisher) {
  return std::make_unique<ObservedPublisher>(*this, std::move(publisher));
}

BatchHandler MachineObserver::around(BatchHandler handler) {
  return [this, handler = std::move(handler)](std::span<const ReceivedMessage> batch,
                                              std::stop_token stop) {
    for (const ReceivedMessage& message : batch) received(message);
    return handler(batch, std::move(stop));
  };
}

void MachineObserver::cast(const SubmittedVote& vote) { kept(vote, /*is_recovered=*/false); }

void MachineObserver::kept(const SubmittedVote& vote, bool is_recovered) {
  pending_.insert(vote.uuid);
  if (expected_.may_be_refused(vote)) evidence_.refusable_votes.insert(vote.uuid);
  if (!is_recovered) ++record_.cast;
  note({.kind = is_recovered ? MachineEvent::Kind::kRecovered : MachineEvent::Kind::kCast,
        .uuid = vote.uuid,
        .voter = pseudonym(pseudonym_key_, vote.election, vote.voter),
        .choice = vote.choice,
        .eligible = expected_.eligible(vote)});
}

void MachineObserver::erased(const std::string& uuid) {
  note({.kind = MachineEvent::Kind::kErased, .uuid = uuid});
}

void MachineObserver::published(const Message& message) {
  const auto parsed = wire::parse_submitted(message.data);
  const auto* vote = std::get_if<SubmittedVote>(&parsed);
  if (vote == nullptr) return;
  const bool is_first = record_.published.insert(vote->uuid).second;
  if (!is_first) note({.kind = MachineEvent::Kind::kRepublished, .uuid = vote->uuid});
}

void MachineObserver::received(const ReceivedMessage& message) {
  if (message.attribute(wire::kFunction) != wire::kResult ||
      message.attribute(wire::kMachineId) != std::to_string(machine_)) {
    return;
  }
  // A forged answer is none.
  if (std::ranges::find(evidence_.poisons, message.id, &Poison::id) != evidence_.poisons.end())
    return;
  const auto parsed = wire::parse_result(message.data);
  const auto* result = std::get_if<Result>(&parsed);
  if (result == nullptr) return;
  note({.kind = MachineEvent::Kind::kAnswered,
        .uuid = result->uuid,
        .result = result->outcome,
        .ends = pending_.erase(result->uuid) > 0,
        .reason = result->reason});
}

void MachineObserver::note(MachineEvent event) {
  event.t_us = world_.now_us();
  event.election = election_;
  event.machine = machine_;
  if (world_.is_traced()) world_.trace(to_line(event));
  evidence_.events.push_back(std::move(event));
}

}  // namespace pollbus::faults
