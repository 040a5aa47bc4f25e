// The part of Broker that is about delivered messages: acks, Seek and dead letters.

#include <google/pubsub/v1/pubsub.pb.h>

#include <tuple>
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "broker/service/broker.h"
#include "broker/service/dead_letter_message.h"
#include "broker/service/publish_request.h"

namespace pollbus::broker {
namespace {

// When a dead letter that could not be written is tried again.
constexpr std::chrono::milliseconds kDeadLetterPause{1'000};
// What an ack that waits for the disk takes: its outcome and its text, which the answer may name.
constexpr std::size_t kAckBytes = 100;

}  // namespace

void Broker::acknowledge(const std::string& subscription, std::span<const AckId> ids,
                         AckDone done) {
  WakeList woken;
  std::vector<AckOutcome> outcomes;
  const absl::Status status = [&]() -> absl::Status {
    const std::lock_guard lock(mutex_);
    if (core_.is_exactly_once(subscription)) RETURN_IF_ERROR(admit());
    RETURN_IF_ERROR(core_.acknowledge(subscription, ids, &outcomes));
    after_core_call(&woken);
    if (!committer_ || outcomes.empty()) return absl::OkStatus();
    committer_->submit({.bytes = ids.size() * kAckBytes,
                        .done = [done = std::exchange(done, nullptr), its_outcomes = outcomes](
                                    const absl::Status& written) { done(written, its_outcomes); },
                        .needs_all_notes = true});
    return absl::OkStatus();
  }();
  wake(std::move(woken));
  if (done != nullptr) done(status, outcomes);
}

void Broker::modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                             std::chrono::seconds lease, const AckDone& done) {
  std::vector<AckOutcome> outcomes;
  const SteadyTime now = clock_.now();
  const absl::Status status = with_core(
      [&](Core& core) { return core.modify_deadline(subscription, ids, lease, now, &outcomes); });
  done(status, outcomes);
}

absl::StatusOr<Body> Broker::body_of(const Delivery& message) {
  if (message.body != nullptr) return message.body;
  return storage_.store->load(message.batch);
}

absl::Status Broker::peek(const std::string& subscription, std::size_t most,
                          const std::function<void(const PeekedMessage&)>& visit) {
  ASSIGN_OR_RETURN(auto peeked,
                   with_core([&](const Core& core) { return core.peek(subscription, most); }));
  for (PeekedMessage& each : peeked) {
    auto body = body_of(each.message);
    if (absl::IsNotFound(body.status())) continue;  // acked meanwhile, with the rest of its batch
    if (!body.ok()) return body.status();
    each.message.body = *std::move(body);
    visit(each);
    each.message.body = nullptr;
  }
  return absl::OkStatus();
}

void Broker::seek(const std::string& subscription, const SeekTarget& target, Done done) {
  absl::StatusOr<ReplayCandidates> candidates;
  {
    const std::lock_guard lock(mutex_);
    candidates = core_.retention().replay_candidates(subscription, target);
  }
  absl::StatusOr<absl::flat_hash_set<MessageId>> matching =
      candidates.ok() ? let_through(*candidates) : candidates.status();
  if (!matching.ok()) {
    done(matching.status());
    return;
  }
  change([&](Core& core) { return core.retention().seek(subscription, target, *matching); },
         std::move(done), true);
}

absl::StatusOr<absl::flat_hash_set<MessageId>> Broker::let_through(
    const ReplayCandidates& candidates) {
  absl::flat_hash_set<MessageId> matching;
  MessageId batch = 0;
  Body body;
  std::vector<Attribute> attributes;
  for (const Delivery& candidate : candidates.messages) {
    if (body == nullptr || candidate.batch != batch) {
      auto found = body_of(candidate);
      if (absl::IsNotFound(found.status())) continue;  // its retention is over
      if (!found.ok()) return found.status();
      body = *std::move(found);
      batch = candidate.batch;
    }
    google::pubsub::v1::PubsubMessage message;
    if (!message.ParseFromArray(body->data() + candidate.begin,
                                static_cast<int>(candidate.bytes))) {
      return absl::DataLossError("A stored message cannot be read.");
    }
    attributes.clear();
    for (const auto& [key, value] : message.attributes()) attributes.push_back({key, value});
    if (candidates.filter.matches(attributes)) matching.insert(candidate.id);
  }
  return matching;
}

// Called on the timer's thread, which holds the lock.
void Broker::forward_dead_letters(std::unique_lock<std::mutex>& lock) {
  while (core_.has_dead_letters() && dead_letters_on_way_ < kMaxDeadLettersOnWay &&
         dead_letters_at_ <= clock_.now()) {
    for (const DeadLetter& letter : core_.take_dead_letters(1)) {
      ++dead_letters_on_way_;
      lock.unlock();
      forward(letter);
      lock.lock();
    }
  }
}

void Broker::forward(const DeadLetter& letter) {
  absl::StatusOr<Body> body = body_of(letter.message);
  if (absl::IsNotFound(body.status())) {
    // The message was acked meanwhile, with the rest of its batch.
    const std::lock_guard lock(mutex_);
    --dead_letters_on_way_;
    return;
  }
  if (!body.ok()) {
    log_error("cannot read a dead letter from the store", {{"error", body.status()}});
    exhume(letter);
    return;
  }
  DeadLetter whole = letter;
  whole.message.body = *std::move(body);
  auto request = dead_letter_request(whole);
  if (!request.ok()) {
    log_error("a dead letter cannot be moved to its topic",
              {{"subscription", letter.subscription}, {"error", request.status()}});
    exhume(letter);
    return;
  }
  const PublishBatch batch(&*request, reserve_message_ids(1), clock_.wall_now());
  const Done done = [this, letter](const absl::Status& status) {
    if (!status.ok()) {
      exhume(letter);
      return;
    }
    with_core([&](Core& core) {
      --dead_letters_on_way_;
      core.buried(letter);
      return true;
    });
  };
  bool is_moved = false;
  const bool is_admitted = with_core([&](Core& core) {
    if (!admit().ok()) return false;
    auto publication = core.bury(letter, batch.incoming());
    if (!publication.ok()) {
      // The message is gone, or its topic is, and then it is delivered again.
      --dead_letters_on_way_;
    } else if (committer_) {
      committer_->submit_with_notes({.publication = *std::move(publication), .done = done});
    } else {
      std::ignore = core.enqueue(*std::move(publication));  // nothing is written
      is_moved = true;
    }
    return true;
  });
  if (!is_admitted) exhume(letter);
  if (is_moved) done(absl::OkStatus());
}

void Broker::exhume(const DeadLetter& letter) {
  const SteadyTime now = clock_.now();
  with_core([&](Core& core) {
    --dead_letters_on_way_;
    dead_letters_at_ = now + kDeadLetterPause;
    core.exhume(letter);
    return true;
  });
}

}  // namespace pollbus::broker
