#include "voting_machine/kiosk.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/logging.h"
#include "election/tracking_code.h"
#include "election/uuid.h"

namespace pollbus::voting_machine {
namespace {

using Stage = BallotSession::Stage;
using nlohmann::json;

constexpr std::array<std::string_view, 4> kSizes{"s", "m", "l", "xl"};
constexpr std::array<std::string_view, 4> kThemes{"light", "dark", "high-light", "high-dark"};
// As many as no voters can cast in the time for which a page trusts the list (kiosk.mjs).
constexpr std::size_t kMaxPastSessions = 32;
// The page leaves by itself; this is for a page that cannot.
constexpr std::chrono::seconds kAnswerSlack{5};

std::string text_of(const json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> number_of(const json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

template <typename List>
void set_if_one_of(const List& allowed, const std::string& value, std::string* target) {
  if (std::ranges::find(allowed, value) != allowed.end()) *target = value;
}

VoteState state_of(const Result& result) {
  switch (result.outcome) {
    case Outcome::kSuccessful:
      return VoteState::kRecorded;
    case Outcome::kAlreadyVoted:
      return VoteState::kAlreadyVoted;
    case Outcome::kRejected:
      return VoteState::kRejected;
  }
  return VoteState::kUnknown;
}

}  // namespace

Kiosk::Kiosk(Parts parts)
    : parts_(std::move(parts)),
      record_file_(parts_.record_file),
      session_(random_uuid()),
      last_sign_(parts_.clock.now()) {
  auto record = record_file_.load();
  if (!record.ok()) {
    log_error("cannot read what became of the last ballot", {{"error", record.status()}});
    return;
  }
  past_ = record->past;
  if (!record->lines.empty()) left_ = *std::move(record);
}

void Kiosk::recovered(std::span<const SubmittedVote> votes) {
  const std::lock_guard lock(mutex_);
  if (!left_) return;
  for (const SubmittedVote& vote : votes) {
    const std::string tracking = tracking_code(vote.election, vote.uuid);
    for (auto& line : left_->lines) {
      if (line.tracking != tracking || is_final(line.state)) continue;
      line.uuid = vote.uuid;
      line.state = VoteState::kKept;
    }
  }
}

void Kiosk::restore() {
  const std::lock_guard lock(mutex_);
  if (!left_) return;
  for (auto& line : left_->lines) {
    const bool is_in_journal = !line.uuid.empty();
    if (!is_final(line.state) && !is_in_journal) line.state = VoteState::kNotCast;
  }
  if (parts_.languages.has(left_->language)) display_.language = left_->language;
  // The time grows over restarts, and faster than revisions do.
  session_ = BallotSession::restored(std::move(left_->session), std::move(left_->lines),
                                     unix_ms(parts_.clock.wall_now()));
  left_.reset();
}

std::string Kiosk::state() {
  const std::lock_guard lock(mutex_);
  end_if_over();
  // From the moment when a page shows it.
  if (session_.stage() == Stage::kAnswer && !session_.is_sending() && !ends_)
    ends_ = parts_.clock.now() + kAnswerTime;
  return render();
}

std::string Kiosk::act(const json& request) {
  const std::lock_guard lock(mutex_);
  end_if_over();
  const bool is_this_voters = text_of(request, "session") == session_.id();
  if (is_this_voters) {
    last_sign_ = parts_.clock.now();
    accept_display(request);
    const bool is_current = number_of(request, "revision") == session_.revision();
    if (is_current) step(request);
  }
  return render();
}

// Returns whether the step was possible.
bool Kiosk::step(const json& request) {
  const std::string action = text_of(request, "action");
  if (action == "start") return start();
  if (action == "identify") return session_.identify(text_of(request, "text"));
  if (action == "next" || action == "back") {
    const auto contest = number_of(request, "contest");
    if (session_.stage() == Stage::kContest) {
      if (!contest || *contest < 0) return false;
      if (!session_.choose(static_cast<std::size_t>(*contest), number_of(request, "choice")))
        return false;
    }
    return action == "next" ? session_.next() : session_.back();
  }
  if (action == "change") {
    const auto contest = number_of(request, "contest");
    return contest && *contest >= 0 && session_.change(static_cast<std::size_t>(*contest));
  }
  if (action == "cast") return cast();
  if (action == "stay" && ends_) {
    ends_ = parts_.clock.now() + kAnswerTime;
    return true;
  }
  if (action == "end" && !session_.is_sending()) {
    reset();
    return true;
  }
  return false;
}

void Kiosk::accept_display(const json& request) {
  set_if_one_of(parts_.languages.tags(), text_of(request, "language"), &display_.language);
  set_if_one_of(kSizes, text_of(request, "size"), &display_.size);
  set_if_one_of(kThemes, text_of(request, "theme"), &display_.theme);
}

bool Kiosk::start() {
  std::vector<Definition> open;
  const std::int64_t now = parts_.guide.now_ms();
  for (const ElectionState& state : parts_.guide.elections()) {
    if (phase_at(state, now) == Phase::kOpen) open.push_back(state.definition);
  }
  return session_.start(std::move(open));
}

bool Kiosk::any_chosen_is(Phase phase) const {
  const std::int64_t now = parts_.guide.now_ms();
  const auto elections = parts_.guide.elections();
  return std::ranges::any_of(session_.lines(), [&](const auto& line) {
    return line.choice && std::ranges::any_of(elections, [&](const ElectionState& state) {
             return state.definition.election == line.definition.election &&
                    phase_at(state, now) == phase;
           });
  });
}

// The order makes it safe: first the record, then the journal. See CastRecord.
bool Kiosk::cast() {
  if (any_chosen_is(Phase::kPaused)) return false;  // the page says so and the voter can wait
  const auto votes = session_.cast(parts_.machine, unix_ms(parts_.clock.wall_now()));
  if (votes.empty()) return false;
  if (!past_) past_.emplace();
  past_->push_back(session_.id());
  if (past_->size() > kMaxPastSessions) past_->erase(past_->begin());
  if (const absl::Status status = save_record(); !status.ok()) {
    log_error("cannot cast: the record of the ballot cannot be written", {{"error", status}});
    session_.set_unsent(VoteState::kNotCast);
    return true;
  }
  const absl::Status status = parts_.client.cast(votes);
  if (status.ok()) return true;
  log_error("cannot cast a ballot", {{"error", status}});
  const bool is_refused = absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status);
  session_.set_unsent(is_refused ? VoteState::kNotCast : VoteState::kUnknown);
  save_record().IgnoreError();  // best effort: the journal has failed as well
  return true;
}

absl::Status Kiosk::save_record() {
  return record_file_.save({.session = session_.id(),
                            .language = display_.language,
                            .lines = session_.lines(),
                            .past = past_.value_or(std::vector<std::string>())});
}

void Kiosk::timed_out(std::span<const std::string> uuids) {
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (const std::string& uuid : uuids) changed |= session_.set_state(uuid, VoteState::kKept, "");
  if (changed) answer_changed();
}

void Kiosk::answered(std::span<const Answer> answers) {
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (const Answer& answer : answers) {
    if (!answer.ends_vote) continue;
    changed |=
        session_.set_state(answer.result.uuid, state_of(answer.result), answer.result.reason);
  }
  if (changed) answer_changed();
}

void Kiosk::answer_changed() {
  if (const absl::Status status = save_record(); !status.ok())
    log_error("cannot write what became of a ballot", {{"error", status}});
  ends_.reset();  // state() begins the time anew
}

void Kiosk::tick() {
  const std::lock_guard lock(mutex_);
  end_if_over();
}

bool Kiosk::is_voting() {
  const std::lock_guard lock(mutex_);
  return session_.stage() != Stage::kStart && session_.stage() != Stage::kAnswer;
}

void Kiosk::end_if_over() {
  const SteadyTime now = parts_.clock.now();
  const bool is_untouched = session_.stage() == Stage::kStart && display_ == Display();
  const bool is_idle =
      session_.stage() != Stage::kAnswer && !is_untouched && now - last_sign_ >= kSessionTimeout;
  if (is_idle || (ends_ && now >= *ends_ + kAnswerSlack)) reset();
}

void Kiosk::reset() {
  const bool was_cast = session_.stage() == Stage::kAnswer;
  session_ = BallotSession(random_uuid());
  display_ = {};
  ends_.reset();
  last_sign_ = parts_.clock.now();
  if (!was_cast) return;
  const absl::Status status =
      record_file_.save({.past = past_.value_or(std::vector<std::string>())});
  if (!status.ok()) log_error("cannot remove the record of the last ballot", {{"error", status}});
}

std::string Kiosk::render() {
  std::optional<std::chrono::milliseconds> ends_in;
  if (ends_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*ends_ - parts_.clock.now());
    ends_in = std::max(left, std::chrono::milliseconds(0));
  }
  const auto elections = parts_.guide.elections();
  return to_json(KioskView{.session = session_,
                           .display = display_,
                           .languages = parts_.languages,
                           .event = parts_.event,
                           .elections = elections,
                           .now_ms = parts_.guide.now_ms(),
                           .is_event_known = parts_.guide.is_answered(),
                           .past_sessions = past_,
                           .can_print = parts_.can_print,
                           .idle_time = kIdleTime,
                           .warning_time = kWarningTime,
                           .ends_in = ends_in})
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace pollbus::voting_machine
