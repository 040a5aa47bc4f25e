#pragma once

#include <chrono>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "voting_machine/ballot_session.h"
#include "voting_machine/cast_record.h"
#include "voting_machine/election_guide.h"
#include "voting_machine/kiosk_view.h"
#include "voting_machine/vote_client.h"
#include "voting_machine/vote_observer.h"
#include "web/languages.h"

namespace pollbus::voting_machine {

// How long a session lives without a sign of its voter. The page warns earlier: after kIdleTime, it
// asks for kWarningTime whether the voter is still there.
inline constexpr std::chrono::seconds kIdleTime{300};
inline constexpr std::chrono::seconds kWarningTime{45};
inline constexpr std::chrono::seconds kSessionTimeout =
    kIdleTime + kWarningTime + std::chrono::seconds(15);
// How long the answer stays on the page.
inline constexpr std::chrono::seconds kAnswerTime{30};

// The voters' side of a machine: one session after the other. The page shows what state() says and
// asks for steps with act(); the truth is here and in the journal, so any number of pages and
// reloads show the same. Observes the client, so add it with add_observer(). Borrows its parts.
// Thread-safe.
class Kiosk final : public VoteObserver {
 public:
  struct Parts {
    VoteClient& client;
    const ElectionGuide& guide;
    const web::Languages& languages;
    Clock& clock;
    std::string event;
    std::int64_t machine = 0;
    std::string record_file;  // see CastRecordFile
    bool can_print = false;
  };
  explicit Kiosk(Parts parts);

  // What the page is to show, as JSON; `act` takes {"session", "revision", "action", …} and returns
  // the state after it. A step that does not fit the session as it is changes nothing.
  // docs/kiosk.md lists the actions.
  std::string state();
  std::string act(const nlohmann::json& request);

  // Takes up the session of a process that ended after a ballot was cast, so that its voter is told
  // what became of it. Call it after add_observer(), which tells what is in the journal.
  void restore();

  // Ends a session whose voter is gone. Call it once a second.
  void tick();

  // Whether a voter is on the way from the language to the cast.
  bool is_voting();

  void recovered(std::span<const SubmittedVote> votes) override;
  void timed_out(std::span<const std::string> uuids) override;
  void answered(std::span<const Answer> answers) override;

 private:
  void reset();
  void end_if_over();
  bool step(const nlohmann::json& request);
  bool start();
  bool cast();
  absl::Status save_record();
  void answer_changed();
  void accept_display(const nlohmann::json& request);
  bool any_chosen_is(Phase phase) const;
  std::string render();

  Parts parts_;
  const CastRecordFile record_file_;
  // Guards everything below. Held while the journal and the record are written; the client calls
  // the observer without a lock of its own.
  std::mutex mutex_;
  std::optional<CastRecord> left_;  // of the process before, until restore()
  // See CastRecord::past; absent if it could not be read.
  std::optional<std::vector<std::string>> past_;
  BallotSession session_;
  Display display_;
  SteadyTime last_sign_;  // of the voter
  std::optional<SteadyTime> ends_;
};

}  // namespace pollbus::voting_machine
