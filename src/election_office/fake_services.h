#pragma once

// For tests: a recorder and a logger in memory, which outlive the runs of the tool.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "election_office/services.h"

namespace pollbus::election_office {

struct FakeWorld {
  struct Stored {
    std::vector<SignedEvent> history;
    std::optional<ElectionState> recorder;
    std::optional<ElectionState> logger;
    std::map<Sha256, std::map<std::int64_t, wire::RollChunk>> chunks;  // by roll
    std::map<Sha256, RollEntry> new_voters;                            // by commitment
    std::map<std::int64_t, RollEntry> roll;                            // in force
    std::int64_t marks = 0;
    std::int64_t rows = 0;
    std::vector<ChoiceCount> tally;
  };
  std::map<std::int64_t, Stored> elections;
  std::int64_t now_ms = 0;
  std::int64_t handled = 0;
  // When reached, no command arrives any more, or (with `loses_answer`) the last one is not
  // answered.
  std::optional<std::int64_t> dies_after;
  bool loses_answer = false;
  // Called before the recorder looks at an event.
  std::function<void(const Event&)> before_event = [](const Event&) {};
  bool logger_is_down = false;
};

class FakeServices final : public Services {
 public:
  explicit FakeServices(FakeWorld& world) : world_(world) {}

  using Services::ask;
  std::vector<Answer> ask(std::span<const Command> commands,
                          const std::function<void(std::size_t)>& answered) override {
    std::vector<Answer> answers;
    for (const Command& command : commands) {
      answers.push_back(handle(command));
      answered(answers.size());
    }
    return answers;
  }

 private:
  using OfficeAnswer = wire::OfficeAnswer;

  Answer handle(const Command& command) {
    const absl::Status silence = absl::DeadlineExceededError("nobody has answered");
    if (world_.logger_is_down && command.to == wire::kToLogger) return silence;
    if (world_.dies_after && world_.handled >= *world_.dies_after) return silence;
    ++world_.handled;
    const auto parsed = wire::parse_office_command(command.data);
    EXPECT_TRUE(parsed.ok()) << parsed.status() << command.data;
    OfficeAnswer answer{.from = std::string(command.to),
                        .kind = std::string(wire::kind_of(*parsed)),
                        .election = wire::election_of(*parsed),
                        .request = sha256(command.data),
                        .now_utc_ms = world_.now_ms};
    if (!answer.election) return list(std::move(answer));
    auto& stored = world_.elections[*answer.election];
    const bool is_logger = command.to == wire::kToLogger;
    if (const auto* event = std::get_if<wire::EventCommand>(&*parsed)) {
      is_logger ? follow(stored, *event, answer) : record(stored, *event, command.data, answer);
    } else if (const auto* chunk = std::get_if<wire::RollChunk>(&*parsed)) {
      answer.result = stored.chunks[chunk->roll].emplace(chunk->chunk, *chunk).second
                          ? wire::CommandResult::kApplied
                          : wire::CommandResult::kAlreadyApplied;
    } else if (const auto* voter = std::get_if<wire::NewVoter>(&*parsed)) {
      keep(stored, *voter, answer);
    } else {
      tell(stored, std::get<wire::OfficeRequest>(*parsed), answer);
    }
    add_state(stored, is_logger, answer);
    if (world_.loses_answer && world_.dies_after && world_.handled >= *world_.dies_after) {
      return silence;
    }
    // Over the wire, so that the codec is part of the test.
    return wire::parse_office_answer(encode(answer));
  }

  Answer list(OfficeAnswer answer) {
    for (const auto& [number, stored] : world_.elections) {
      if (!stored.recorder) continue;
      answer.elections.push_back({.election = number, .state = state_of(*stored.recorder)});
    }
    return wire::parse_office_answer(encode(answer));
  }

  wire::AnsweredState state_of(const ElectionState& state) const {
    return {.phase = phase_at(state, world_.now_ms),
            .sequence = state.sequence,
            .last = state.last,
            .closes_utc_ms = state.closes_ms};
  }

  void add_state(const FakeWorld::Stored& stored, bool is_logger, OfficeAnswer& answer) const {
    const auto& state = is_logger ? stored.logger : stored.recorder;
    if (state) answer.state = state_of(*state);
    if (is_logger) answer.marks = stored.marks;
    if (!is_logger) answer.rows = stored.rows;
  }

  static void refuse(OfficeAnswer& answer, std::string reason) {
    answer.result = wire::CommandResult::kRefused;
    answer.reason = std::move(reason);
  }

  static bool take(std::optional<ElectionState>& state, const wire::EventCommand& command,
                   OfficeAnswer& answer) {
    auto next = apply_event(state, command.event, command.hash);
    if (absl::IsAlreadyExists(next.status())) {
      answer.result = wire::CommandResult::kAlreadyApplied;
      return false;
    }
    if (!next.ok()) {
      refuse(answer, std::string(next.status().message()));
      return false;
    }
    answer.result = wire::CommandResult::kApplied;
    state = *std::move(next);
    return true;
  }

  void record(FakeWorld::Stored& stored, const wire::EventCommand& command, const std::string& data,
              OfficeAnswer& answer) {
    world_.before_event(command.event);
    const auto at = static_cast<std::size_t>(command.event.sequence - 1);
    if (at < stored.history.size() && stored.history[at].data != data) {
      answer.events = {stored.history[at]};
      return refuse(answer, "another event has this number");
    }
    if (command.event.kind == EventKind::kSeal && stored.rows != command.event.marks) {
      return refuse(answer, "votes are missing");
    }
    if (take(stored.recorder, command, answer)) {
      stored.history.push_back({data, key().sign(data)});
    }
  }

  void follow(FakeWorld::Stored& stored, const wire::EventCommand& command, OfficeAnswer& answer) {
    if (command.event.roll) {
      const auto& present = stored.chunks[command.event.roll->hash];
      for (std::int64_t i = 0; i < command.event.roll->chunks; ++i) {
        if (!present.contains(i)) answer.missing_chunks.push_back(i);
      }
      if (!answer.missing_chunks.empty()) return refuse(answer, "chunks are missing");
    }
    const auto& added = command.event.added;
    const bool is_next = stored.logger && stored.logger->sequence < command.event.sequence;
    if (added && is_next && !stored.new_voters.contains(*added)) {
      return refuse(answer, "the voter is not known here");
    }
    if (!take(stored.logger, command, answer)) return;
    if (command.event.roll) {
      stored.roll.clear();
      for (const auto& [number, chunk] : stored.chunks[command.event.roll->hash]) {
        for (const RollEntry& voter : chunk.voters) stored.roll.emplace(voter.voter, voter);
      }
    }
    if (added) {
      const RollEntry voter = stored.new_voters.extract(*added).mapped();
      stored.roll.emplace(voter.voter, voter);
    }
  }

  static void keep(FakeWorld::Stored& stored, const wire::NewVoter& voter, OfficeAnswer& answer) {
    answer.result = wire::CommandResult::kApplied;
    const auto found = stored.roll.find(voter.entry.voter);
    if (found == stored.roll.end()) {
      stored.new_voters.insert_or_assign(commitment_to(voter), voter.entry);
    } else if (found->second == voter.entry) {
      answer.result = wire::CommandResult::kAlreadyApplied;
    } else {
      refuse(answer, "the voter is on the roll already, with another code");
    }
  }

  void tell(const FakeWorld::Stored& stored, const wire::OfficeRequest& request,
            OfficeAnswer& answer) const {
    if (request.kind == wire::RequestKind::kResults) answer.tally = stored.tally;
    if (request.kind != wire::RequestKind::kHistory) return;
    // Two events at a time, so that the tool must ask again.
    for (auto i = static_cast<std::size_t>(request.from - 1);
         i < stored.history.size() && answer.events.size() < 2; ++i) {
      answer.events.push_back(stored.history[i]);
    }
  }

 public:
  // The key of the office in these tests.
  static const OfficePrivateKey& key() {
    static const OfficePrivateKey kKey = OfficePrivateKey::generate();
    return kKey;
  }

 private:
  FakeWorld& world_;
};

}  // namespace pollbus::election_office
