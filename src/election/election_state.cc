#include "election/election_state.h"

#include <fmt/format.h>

#include <array>

#include "base/status.h"

namespace pollbus {
namespace {

using namespace std::string_view_literals;

constexpr std::array kPhases = {"defined"sv, "open"sv,   "paused"sv,
                                "closed"sv,  "sealed"sv, "certified"sv};

absl::Status refused(const std::string& sentence) {
  return absl::FailedPreconditionError(sentence);
}

// What the event needs, in words: "only an open election can be paused".
absl::Status wrong_phase(Phase phase, std::string_view rule) {
  return refused(fmt::format("the election is {}, and {}", to_text(phase), rule));
}

absl::Status check_roll(const ElectionState& state, const Event& event, Phase phase) {
  if (!state.definition.needs_roll()) {
    return refused("the election is open to everyone and has no roll");
  }
  if (phase != Phase::kDefined) {
    return wrong_phase(phase, "its roll cannot be replaced: use add-voter");
  }
  if (event.roll->count == 0) return refused("the roll has no voters");
  if (state.roll == event.roll) return refused("this roll is imported already");
  return absl::OkStatus();
}

absl::Status check_added(const ElectionState& state, Phase phase) {
  if (!state.definition.needs_roll()) {
    return refused("the election is open to everyone and has no roll");
  }
  if (!state.roll) return refused("the roll must be imported before a voter can be added");
  if (phase >= Phase::kClosed) return wrong_phase(phase, "no voter can be added any more");
  return absl::OkStatus();
}

absl::Status check_open(const ElectionState& state, Phase phase) {
  if (phase != Phase::kDefined) return wrong_phase(phase, "only a defined election can be opened");
  if (state.definition.needs_roll() && !state.roll) {
    return refused("the election needs a roll before it can be opened");
  }
  return absl::OkStatus();
}

absl::Status check_extend(const ElectionState& state, const Event& event, Phase phase) {
  if (phase >= Phase::kClosed) return wrong_phase(phase, "its closing time cannot be moved");
  if (!state.closes_ms) {
    return refused("the election has no closing time: it is open until it is closed by hand");
  }
  if (event.closes->utc_ms <= *state.closes_ms) {
    return refused("the new closing time must be later than the present one");
  }
  return absl::OkStatus();
}

absl::Status check_certify(const ElectionState& state, const Event& event, Phase phase) {
  if (phase != Phase::kSealed) return wrong_phase(phase, "only a sealed election can be certified");
  if (event.marks != state.marks) return refused("the number of marks is not that of the seal");
  const auto& choices = state.definition.choices;
  if (event.tally.size() != choices.size()) return refused("the tally must have every choice");
  std::int64_t votes = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (event.tally[i].voting != choices[i].voting) {
      return refused("the tally must have the choices in the order of the definition");
    }
    votes += event.tally[i].votes;
  }
  if (votes != *state.marks) return refused("the votes of the tally are not as many as the marks");
  return absl::OkStatus();
}

void define(ElectionState& state, const Event& event) {
  state.definition = *event.definition;
  state.phase = Phase::kDefined;
  if (state.definition.opens) state.opens_ms = state.definition.opens->utc_ms;
  if (state.definition.closes) state.closes_ms = state.definition.closes->utc_ms;
}

void follow(ElectionState& state, const Event& event) {
  switch (event.kind) {
    case EventKind::kDefine:
      return define(state, event);
    case EventKind::kRoll:
      state.roll = event.roll;
      state.added_voters = 0;
      return;
    case EventKind::kAddVoter:
      ++state.added_voters;
      return;
    case EventKind::kOpen:
    case EventKind::kResume:
      state.phase = Phase::kOpen;
      return;
    case EventKind::kPause:
      state.phase = Phase::kPaused;
      return;
    case EventKind::kExtend:
      state.closes_ms = event.closes->utc_ms;
      return;
    case EventKind::kClose:
      state.phase = Phase::kClosed;
      return;
    case EventKind::kSeal:
      state.phase = Phase::kSealed;
      state.marks = event.marks;
      return;
    case EventKind::kCertify:
      state.phase = Phase::kCertified;
      state.tally = event.tally;
      return;
  }
}

// Whether the event is the next one of the chain.
absl::Status check_chain(const ElectionState& state, const Event& event, const Sha256& hash) {
  if (event.election != state.definition.election) {
    return refused("the event belongs to another election");
  }
  if (event.sequence == state.sequence && hash == state.last) {
    return absl::AlreadyExistsError("the event is applied already");
  }
  if (event.sequence <= state.sequence) {
    return refused(
        fmt::format("event {} is older than the last one, {}", event.sequence, state.sequence));
  }
  if (event.sequence != state.sequence + 1) {
    return refused(fmt::format("event {} is missing", state.sequence + 1));
  }
  if (event.previous != state.last) {
    return refused(fmt::format("event {} does not follow the event {} that is known here",
                               event.sequence, state.sequence));
  }
  return absl::OkStatus();
}

absl::Status check_first(const Event& event) {
  if (event.sequence != 1) return refused("event 1 is missing: the election is not defined");
  if (event.kind != EventKind::kDefine || event.previous != Sha256{}) {
    return refused("the first event must define the election");
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view to_text(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

std::optional<Phase> parse_phase(std::string_view text) {
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    if (kPhases[i] == text) return static_cast<Phase>(i);
  }
  return std::nullopt;
}

Phase phase_at(const ElectionState& state, std::int64_t now_ms) {
  if (state.phase >= Phase::kClosed) return state.phase;
  if (state.closes_ms && now_ms >= *state.closes_ms) return Phase::kClosed;
  const bool opens_by_itself = state.phase == Phase::kDefined && state.opens_ms &&
                               now_ms >= *state.opens_ms &&
                               (!state.definition.needs_roll() || state.roll);
  return opens_by_itself ? Phase::kOpen : state.phase;
}

absl::Status check_transition(const ElectionState& state, const Event& event, std::int64_t now_ms) {
  const Phase phase = phase_at(state, now_ms);
  switch (event.kind) {
    case EventKind::kDefine:
      return refused("the election is defined already");
    case EventKind::kRoll:
      return check_roll(state, event, phase);
    case EventKind::kAddVoter:
      return check_added(state, phase);
    case EventKind::kOpen:
      return check_open(state, phase);
    case EventKind::kPause:
      return phase == Phase::kOpen ? absl::OkStatus()
                                   : wrong_phase(phase, "only an open election can be paused");
    case EventKind::kResume:
      return phase == Phase::kPaused ? absl::OkStatus()
                                     : wrong_phase(phase, "only a paused election can be resumed");
    case EventKind::kExtend:
      return check_extend(state, event, phase);
    case EventKind::kClose:
      if (state.phase >= Phase::kClosed) return wrong_phase(phase, "it has been closed before");
      if (phase == Phase::kDefined) return wrong_phase(phase, "it has not been opened");
      return absl::OkStatus();
    case EventKind::kSeal:
      if (state.phase == Phase::kClosed) return absl::OkStatus();
      if (phase == Phase::kClosed) return refused("the election must be closed with close first");
      return wrong_phase(phase, "only a closed election can be sealed");
    case EventKind::kCertify:
      return check_certify(state, event, phase);
  }
  return absl::InternalError("unknown kind of event");
}

absl::StatusOr<ElectionState> apply_event(const std::optional<ElectionState>& state,
                                          std::string_view data) {
  ASSIGN_OR_RETURN(const Event event, parse_event(data));
  return apply_event(state, event, sha256(data));
}

absl::StatusOr<ElectionState> apply_event(const std::optional<ElectionState>& state,
                                          const Event& event, const Sha256& hash) {
  ElectionState next;
  if (state) {
    RETURN_IF_ERROR(check_chain(*state, event, hash));
    RETURN_IF_ERROR(check_transition(*state, event, event.time_ms));
    next = *state;
  } else {
    RETURN_IF_ERROR(check_first(event));
  }
  follow(next, event);
  next.sequence = event.sequence;
  next.last = hash;
  return next;
}

absl::StatusOr<ElectionState> replay(std::span<const SignedEvent> history,
                                     const OfficePublicKey& office) {
  std::optional<ElectionState> state;
  for (const SignedEvent& event : history) {
    if (!office.verifies(event.data, event.signature)) {
      return absl::UnauthenticatedError("an event does not have the office's signature");
    }
    ASSIGN_OR_RETURN(state, apply_event(state, event.data));
  }
  if (!state) return absl::NotFoundError("the election is not defined");
  return *std::move(state);
}

}  // namespace pollbus
