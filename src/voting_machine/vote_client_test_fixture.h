#pragma once

// For tests of src/voting_machine only.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/readiness.h"
#include "election/messages.h"
#include "election/uuid.h"
#include "support/fake_publisher.h"
#include "support/manual_clock.h"
#include "support/received_message.h"
#include "voting_machine/fake_journal_file.h"
#include "voting_machine/vote_client.h"

namespace pollbus::voting_machine {

inline Message result_for(const std::string& uuid, Outcome outcome = Outcome::kSuccessful,
                          std::int64_t machine = 3) {
  return wire::result_message(machine, {.outcome = outcome, .uuid = uuid, .reason = ""});
}

inline std::string uuid_of(const Message& message) {
  return std::get<SubmittedVote>(wire::parse_submitted(message.data)).uuid;
}

inline SubmittedVote some_vote() {
  return {.election = 12,
          .machine = 3,
          .voter = 43,
          .choice = 4,
          .uuid = random_uuid(),
          .timestamp_ms = 1'709'908'090'964};
}

// Remembers every call, in order. Thread-safe.
class RecordingObserver final : public VoteObserver {
 public:
  void recovered(std::span<const SubmittedVote> votes) override {
    for (const auto& vote : votes) add("recovered " + vote.uuid);
  }
  void kept(std::span<const SubmittedVote> votes) override {
    for (const auto& vote : votes) add("kept " + vote.uuid);
  }
  void published(std::span<const Message> votes) override {
    for (const auto& vote : votes) add("published " + uuid_of(vote));
  }
  void timed_out(std::span<const std::string> uuids) override {
    for (const auto& uuid : uuids) add("timed out " + uuid);
  }
  void answered(std::span<const Answer> answers) override {
    for (const auto& answer : answers)
      add((answer.ends_vote ? "answered " : "unknown ") + answer.result.uuid);
    const std::lock_guard lock(mutex_);
    for (Answer answer : answers) {
      answer.text = texts_.emplace_back(answer.text);
      answers_.push_back(std::move(answer));
    }
  }

  std::vector<std::string> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::vector<Answer> answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }

  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  std::vector<Answer> answers_;
  std::deque<std::string> texts_;  // of the answers
};

// A client of machine 3 whose disk is in memory, whose votes go to `topic` and whose time a test
// moves on.
class VoteClientFixture : public ::testing::Test {
 protected:
  // Starts the client, or starts it again as a new process with the same journal.
  void start() {
    client.reset();
    auto opened = Journal::open(disk.open());
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal = std::move(opened).value();
    ASSERT_TRUE(journal->claim("machine 3").ok());
    client = std::make_unique<VoteClient>(VoteClient::Parts{.journal = *journal,
                                                            .bus = {topic, quarantine, bus},
                                                            .clock = clock,
                                                            .readiness = readiness,
                                                            .metrics = registry,
                                                            .keys = keys,
                                                            .other_answers = other_answers},
                                          3);
    observer = std::make_unique<RecordingObserver>();
    client->add_observer(*observer);
  }
  SubmittedVote cast() {
    SubmittedVote vote = some_vote();
    EXPECT_TRUE(client->cast(vote).ok());
    return vote;
  }
  std::vector<Verdict> receive(Message message, std::string id = "1") {
    return client->on_results(std::vector{testing::received(std::move(message), std::move(id))},
                              {});
  }
  void answer(const std::string& uuid, Outcome outcome = Outcome::kSuccessful) {
    EXPECT_EQ(receive(result_for(uuid, outcome)), std::vector{Verdict::kAck});
  }

  testing::ManualClock clock;
  testing::ManualClock bus_clock;
  Readiness readiness{bus_clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", bus_clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  FakeDisk disk;
  MachineKeys keys;
  std::function<bool(const ReceivedMessage&)> other_answers;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<RecordingObserver> observer;
  std::unique_ptr<VoteClient> client;
  std::stop_source stop;
};

}  // namespace pollbus::voting_machine
