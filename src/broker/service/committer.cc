#include "broker/service/committer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

// How long acks and delivery attempts may stay in memory only.
constexpr std::chrono::milliseconds kLazyCommitDelay{10};
// Publishes in one write; the rest waits for the next.
constexpr std::size_t kMaxCommitBytes = 8 << 20;
constexpr std::size_t kMaxWaitingBytes = 64 << 20;
// Writes whose messages are not released yet.
constexpr std::size_t kMaxUnreleasedRounds = 2;
constexpr std::chrono::milliseconds kReopenPause{1'000};

absl::Status refusal(const absl::Status& trouble) {
  return absl::UnavailableError("The broker cannot write to its disk: " +
                                std::string(trouble.message()));
}

}  // namespace

Committer::Committer(Store& store, std::mutex& lock, Clock& clock, BrokerMetrics& metrics,
                     Hooks hooks)
    : store_(store),
      mutex_(lock),
      clock_(clock),
      metrics_(metrics),
      hooks_(std::move(hooks)),
      releaser_([this](std::stop_token stop) { run_releaser(stop); }),
      writer_([this](std::stop_token stop) { run_writer(stop); }) {}

Committer::~Committer() {
  writer_.request_stop();
  writer_.join();
  releaser_.request_stop();
  releaser_.join();
}

absl::Status Committer::admit() const {
  if (!trouble_.ok()) return refusal(trouble_);
  if (waiting_bytes_ < kMaxWaitingBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError("Too many publishes wait for the disk.");
}

void Committer::submit(Waiting waiting) {
  waiting_bytes_ += waiting.bytes;
  waiting_.push_back(std::move(waiting));
  if (waiting_.size() == 1) work_.notify_all();
}

void Committer::submit_with_notes(Waiting waiting) {
  bound_.push_back(std::move(waiting));
  work_.notify_all();
}

void Committer::see_notes() {
  if (lazy_due_ || notes_.empty()) return;
  lazy_due_ = clock_.now() + kLazyCommitDelay;
  work_.notify_all();
}

void Committer::run_writer(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock, stop)) {
    Round round = take_round();
    lock.unlock();
    if (const absl::Status status = write(round); status.ok()) {
      hand_over(std::move(round.waiting));
    } else if (!recover(std::move(round), status, stop)) {
      return;
    }
    lock.lock();
  }
}

// Returns false when the thread must stop and there is nothing left to write.
bool Committer::wait_for_work(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  work_.wait(lock, stop, [this] { return is_waited_for() || lazy_due_.has_value(); });
  if (!is_waited_for() && lazy_due_) {
    work_.wait_until(lock, stop, *lazy_due_, [this] { return is_waited_for(); });
  }
  return is_waited_for() || !notes_.empty() || !stop.stop_requested();
}

Committer::Round Committer::take_round() {
  const bool takes_all = std::ranges::any_of(waiting_, &Waiting::needs_all_notes);
  Round round{.changes = notes_.take(takes_all ? Notes::kAll : Notes::kMaxFinishedPerTake),
              .waiting = std::exchange(bound_, {})};
  lazy_due_.reset();
  see_notes();
  std::size_t bytes = 0;
  while (!waiting_.empty() && bytes < kMaxCommitBytes) {
    bytes += waiting_.front().bytes;
    round.waiting.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return round;
}

absl::Status Committer::write(const Round& round) {
  if (round.changes.empty() && round.waiting.empty()) return absl::OkStatus();
  std::vector<const Publication*> publications;
  publications.reserve(round.waiting.size());
  for (const Waiting& waiting : round.waiting) publications.push_back(&waiting.publication);
  const SteadyTime begin = clock_.now();
  absl::Status status = store_.write(round.changes, publications, hooks_.next_message_id());
  metrics_.committed(clock_.now() - begin);
  return status;
}

// It is unknown whether the failed write is on disk. Its publishers are told that it failed, and
// will publish again. So the write is repeated without its publications, and with their removal.
bool Committer::recover(Round round, const absl::Status& trouble, std::stop_token stop) {
  log_error("cannot write to the store: publishes are refused", {{"error", trouble}});
  std::vector<Waiting> refused = std::move(round.waiting);
  {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
    std::ranges::move(waiting_, std::back_inserter(refused));
    std::ranges::move(bound_, std::back_inserter(refused));
    waiting_.clear();
    bound_.clear();
    waiting_bytes_ = 0;
  }
  hooks_.on_storage(trouble);
  for (const Waiting& waiting : refused) {
    append_removal(waiting.publication, &round.changes);
    waiting.done(refusal(trouble));
  }
  refused.clear();
  append_notes(&round.changes);
  absl::Status status = trouble;
  while (!status.ok()) {
    if (!clock_.pause(kReopenPause, stop)) return false;
    status = store_.reopen();
    if (status.ok()) status = store_.write(round.changes, {}, hooks_.next_message_id());
    if (!status.ok()) log_debug("the store still cannot be written", {{"error", status}});
  }
  {
    const std::lock_guard lock(mutex_);
    trouble_ = absl::OkStatus();
  }
  log_info("the store can be written again");
  hooks_.on_storage(absl::OkStatus());
  return true;
}

// The callbacks of refused publications may have added notes, which belong to the same write as the
// removals.
void Committer::append_notes(std::vector<Change>* changes) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(notes_.take(), std::back_inserter(*changes));
}

void Committer::hand_over(std::vector<Waiting> waiting) {
  if (waiting.empty()) return;
  std::unique_lock lock(release_mutex_);
  release_changed_.wait(lock, [this] { return written_.size() < kMaxUnreleasedRounds; });
  written_.push_back(std::move(waiting));
  release_changed_.notify_all();
}

void Committer::run_releaser(std::stop_token stop) {
  std::unique_lock lock(release_mutex_);
  while (release_changed_.wait(lock, stop, [this] { return !written_.empty(); })) {
    std::vector<Waiting> waiting = std::move(written_.front());
    written_.pop_front();
    release_changed_.notify_all();
    lock.unlock();
    hooks_.release(std::move(waiting));
    lock.lock();
  }
}

}  // namespace pollbus::broker
